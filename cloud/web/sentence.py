"""Sentences that are made where no language is chosen yet, and said in the language of whoever reads them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches

from cloud.store.labels import N_ as N_
from cloud.store.labels import Label

NOTHING_CHANGED = N_(" Nothing was changed.")
"""How a sentence ends that stands alone. Among several it is left out."""

SHOWN = 8
"""Names that are listed where there are many."""
Value = str | int | Label | Sequence[Label | str]


class Sentence(str):
    """A sentence in English that knows which text of the catalogue it was made of (``text``), and what stands in it:
    numbers, words, names in the language of the reader, and other sentences. ``Language.sentence`` says it in another
    language. Its ``ground`` is the same without ``NOTHING_CHANGED``."""

    __slots__ = ("is_ground", "text", "values")

    text: str
    values: Mapping[str, Value]
    is_ground: bool

    def __new__(cls, text: str, /, **values: Value) -> "Sentence":
        return cls._made(text, values, is_ground=False)

    def ground(self) -> "Sentence":
        return self._made(self.text, self.values, is_ground=True)

    @classmethod
    def _made(cls, text: str, values: Mapping[str, Value], *, is_ground: bool) -> "Sentence":
        english = filled(text, values, str, lambda label: label.en)
        made = super().__new__(cls, english.removesuffix(NOTHING_CHANGED) if is_ground else english)
        made.text, made.values, made.is_ground = text, values, is_ground
        return made


class UnknownName(Sentence):
    """Says that something is named that there is not."""


def filled(
    text: str,
    values: Mapping[str, Value],
    sentence: Callable[[str], str],
    label: Callable[[Label], str],
    comma: str = ", ",
) -> str:
    """The text, or its translation, with the values in it."""
    if not values:
        return text
    return text % {key: _written(value, sentence, label, comma) for key, value in values.items()}


def _written(value: Value, sentence: Callable[[str], str], label: Callable[[Label], str], comma: str) -> str:
    if isinstance(value, Label):
        return label(value)
    if isinstance(value, str | int):
        return sentence(value) if isinstance(value, str) else str(value)
    return comma.join(label(one) if isinstance(one, Label) else sentence(one) for one in value)


def there_is(names: Collection[str], meant: str = "") -> Sentence:
    """Which names there are: those that are most like the one that was ``meant``, else the first few of many."""
    if not names:
        return Sentence(N_("there is none"))
    return Sentence(
        N_("there is %(names)s"), names=_with_rest(names_like(meant, names) or sorted(names)[:SHOWN], names)
    )


def first_of(names: Collection[str]) -> Sentence:
    """The first few of many, and how many more there are."""
    return _with_rest(sorted(names)[:SHOWN], names)


def names_like(meant: str, names: Collection[str]) -> list[str]:
    """The few that differ from a name in as much as a slip of the fingers, the nearest first."""
    return get_close_matches(meant, names, SHOWN)


def _with_rest(shown: Sequence[str], names: Collection[str]) -> Sentence:
    listed, more = Sentence("%(names)s", names=shown), len(names) - len(shown)
    return Sentence(N_("%(names)s and %(more)s more"), names=listed, more=more) if more > 0 else listed
