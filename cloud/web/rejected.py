"""How a use case says that it changed nothing, and why."""

from collections.abc import Callable, Sequence

from cloud.store.labels import Label

Value = str | int | Label | Sequence[Label]


class Rejected(Exception):
    """The change cannot be made, and nothing was changed. ``text`` is for the person who asked, with places for the
    ``values``: numbers, words, days as text, and names in the language of the reader."""

    def __init__(self, text: str, where: str = "", status: int = 422, **values: Value) -> None:
        self.text = text
        self.where = where
        self.status = status
        self.values = values
        super().__init__(self.filled(text, lambda label: label.en))

    def filled(self, text: str, label: Callable[[Label], str], comma: str = ", ") -> str:
        """The text, or its translation, with the values in it."""
        if not self.values:
            return text
        return text % {key: _written(value, label, comma) for key, value in self.values.items()}


def _written(value: Value, label: Callable[[Label], str], comma: str) -> str:
    if isinstance(value, Label):
        return label(value)
    return str(value) if isinstance(value, str | int) else comma.join(map(label, value))
