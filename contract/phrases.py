"""Short texts in both languages, as they stand in the tables of the contract."""

from collections import defaultdict
from collections.abc import Mapping

from msgspec import Struct


class Phrase(Struct, frozen=True):
    """A text in Chinese and in English. Neither is ever empty: what has a name has words in both."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        if not (self.zh.strip() and self.en.strip()):
            raise ValueError(f"a text needs words in zh and en, and has {self.zh!r} and {self.en!r}")

    def in_language(self, language: str) -> str:
        """The text in ``zh`` or ``en``; any other language reads English."""
        return self.zh if language.startswith("zh") else self.en

    def filled(self, data: Mapping[str, object]) -> "Phrase":
        """The text with ``%(name)s`` filled in, a dash where the data has nothing of that name."""
        values = defaultdict(lambda: "–", data)
        return Phrase(self.zh % values, self.en % values)


class Noun(Struct, frozen=True):
    """What one of a kind of things is called, and what many are."""

    one: Phrase
    many: Phrase


def noun(zh: str, en: str, many: str) -> Noun:
    """A noun. Chinese has one form for one and for many."""
    return Noun(Phrase(zh, en), Phrase(zh, many))
