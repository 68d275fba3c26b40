"""How a use case says that it changed nothing, and why."""

from cloud.web.sentence import Sentence
from cloud.web.sentence import Value as Value


class Rejected(Exception):
    """The change cannot be made, and nothing was changed. ``sentence`` is for the person who asked: ``text`` has places
    for the values. ``where`` is the field at fault, ``status`` that of the answer."""

    def __init__(self, text: str, where: str = "", status: int = 422, **values: Value) -> None:
        self.text, self.sentence = text, Sentence(text, **values)
        self.where = where
        self.status = status
        super().__init__(str(self.sentence))

    @property
    def ground(self) -> Sentence:
        """Why it cannot be, to stand among others."""
        return self.sentence.ground()
