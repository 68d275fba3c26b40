"""Names of things and of people as the database holds them, in both languages."""

from typing import Annotated

from msgspec import Meta, Struct

from contract.topics import NAME

N_ = str
"""Marks a text for the catalogue where it is chosen before the language is known."""

Name = Annotated[
    str, Meta(pattern=rf"^{NAME}\Z", description=N_("a name of lower-case letters, digits and hyphens, at most 40"))
]
"""What something is called in the setup and on the wire."""


class Label(Struct, frozen=True):
    """A name in both languages."""

    zh: str = ""
    en: str = ""

    def named(self, name: str) -> "Label":
        """With what is missing in one language taken from the other, or from the name."""
        return Label(self.zh or self.en or name, self.en or self.zh or name)

    @property
    def family_card(self) -> "Label":
        """What the family card of a household or company of this name is called."""
        return Label(f"{self.zh} 家庭卡", f"{self.en} (family card)")


class Person(Struct, frozen=True):
    """A holder's name, for operators only."""

    name: Label
    unit: str | None
