"""How a use case says that it changed nothing, and why."""

from collections.abc import Callable

from cloud.store.labels import Label
from cloud.web.sentence import Sentence, filled
from cloud.web.sentence import Value as Value


class Rejected(Exception):
    """The change cannot be made, and nothing was changed. ``text`` is for the person who asked, with places for the
    ``values``: numbers, words, days as text, and names in the language of the reader."""

    def __init__(self, text: str, where: str = "", status: int = 422, **values: Value) -> None:
        self.text = text
        self.where = where
        self.status = status
        self.values = values
        super().__init__(self.filled(text, lambda label: label.en))

    @property
    def sentence(self) -> Sentence:
        return Sentence(self.text, **self.values)

    @property
    def ground(self) -> Sentence:
        """Why it cannot be, to stand among others."""
        return self.sentence.ground()

    def filled(self, text: str, label: Callable[[Label], str], comma: str = ", ") -> str:
        """The text, or its translation, with the values in it."""
        return filled(text, self.values, str, label, comma)
