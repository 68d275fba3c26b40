"""Names of things and of people as the database holds them, in both languages."""

from msgspec import Struct


class Label(Struct, frozen=True):
    """A name in both languages."""

    zh: str
    en: str


class Person(Struct, frozen=True):
    """A holder's name, for operators only."""

    name: Label
    unit: str | None
