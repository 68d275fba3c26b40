"""What may be recorded: the declaration of an event, with its fields, its tone, its grade and its words.

An event is declared as a method of its kind, and recorded by calling that: ``DOOR.held(open_ms=31_000)``. What it is
called with is checked against its fields, by mypy where the code is typed and here wherever it is not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import Any, Concatenate, Generic, Literal, ParamSpec, cast, is_typeddict

from msgspec import Struct

from contract.events import Grade
from contract.phrases import Phrase

P = ParamSpec("P")

EVENT_KIND = r"[a-z_]{1,40}\.[a-z_]{1,40}"

Tone = Literal["good", "bad", "alarm", "quiet"]
"""How an event looks: somebody may pass, somebody may not, somebody must look, or nothing of these."""


class Record(Struct, frozen=True):
    """An event to be written, which has no time and no place yet. ``kind`` is ``family.what``. One behind
    what is ``persisted`` waits, though not for ever, until the station's document is on the disk: no page may say that
    something runs of which it is written that it has ended."""

    kind: str
    data: dict[str, Any] = {}
    behind: Literal["nothing", "persisted"] = "nothing"

    @property
    def row(self) -> tuple[str, dict[str, Any]]:
        """What a journal has of it beside time and place."""
        return self.kind, self.data


class Look(Struct, frozen=True):
    """How an event is shown."""

    tone: Tone
    words: Phrase


class WrongFields(TypeError):
    """An event is recorded without a field that it has, or with one that it has not."""


class EventType(Generic[P]):
    """The declaration of an event. The parameters of ``fields`` are the fields of its data: a ``TypedDict``, or a
    function that is never called.

    ``looks`` are other ways to show it, by a field and the value that makes the difference. ``says`` are the fields
    whose words stand beside it, and ``adds`` is a text that its data is filled into. ``behind`` is as for ``Record``.
    One that is ``silent`` stands in no list and no stream, whoever reads it: only the page of silent alarms has it.
    """

    def __init__(
        self,
        kind: str,
        tone: Tone,
        grade: Grade,
        zh: str,
        en: str,
        fields: Callable[P, object],
        *,
        looks: Mapping[tuple[str, str], Look] = {},
        says: tuple[str, ...] = (),
        adds: Phrase | None = None,
        behind: Literal["nothing", "persisted"] = "nothing",
        silent: bool = False,
    ) -> None:
        if not re.fullmatch(EVENT_KIND, kind):
            raise ValueError(f"an event is called family.what, not {kind!r}")
        self.kind, self.grade, self._behind, self.silent = kind, grade, behind, silent
        self.looks, self.says, self.adds = looks, says, adds
        self.look, self.fields = Look(tone, Phrase(zh, en)), fields
        self.required, self.optional = _field_names(fields)
        self._fields = self.required | self.optional
        if unknown := {*says, *(field for field, _ in looks)} - self._fields:
            raise ValueError(f"{kind} has no fields {', '.join(sorted(unknown))} that could be shown")

    def __call__(self, *args: P.args, **data: P.kwargs) -> Record:
        """The event with its data."""
        fields = data.keys()
        if not (self.required <= fields <= self._fields):
            raise WrongFields(
                f"{self.kind} has the fields {', '.join(sorted(self._fields)) or 'none'}"
                f", and is recorded with {', '.join(sorted(fields)) or 'none'}"
            )
        return Record(self.kind, dict(data), self._behind)

    @property
    def family(self) -> str:
        return self.kind.partition(".")[0]

    def look_of(self, data: Mapping[str, Any]) -> Look:
        """How an event of this type with this data is shown."""
        other = (look for (field, value), look in self.looks.items() if data.get(field) == value)
        return next(other, self.look)


def event(
    kind: str,
    tone: Tone,
    grade: Grade,
    zh: str,
    en: str,
    *,
    looks: Mapping[tuple[str, str], Look] = {},
    says: tuple[str, ...] = (),
    adds: Phrase | None = None,
) -> Callable[[Callable[Concatenate[Any, P], None]], EventType[P]]:
    """The declaration of an event, written as a method whose parameters are its fields; ``...`` is the default of one
    that may be missing. Its docstring says what the fields mean."""

    def declared(method: Callable[Concatenate[Any, P], None]) -> EventType[P]:
        fields = cast("Callable[P, None]", method)
        return EventType(kind, tone, grade, zh, en, fields, looks=looks, says=says, adds=adds)

    return declared


def _field_names(fields: Any) -> tuple[frozenset[str], frozenset[str]]:
    """The fields that an event always has, and those that it may have."""
    if is_typeddict(fields):
        return fields.__required_keys__, fields.__optional_keys__
    defaults = {name: field.default for name, field in signature(fields).parameters.items() if name != "self"}
    optional = frozenset(name for name, default in defaults.items() if default is ...)
    return frozenset(defaults) - optional, optional


def by_kind(declared: Iterable[EventType[...]]) -> dict[str, EventType[...]]:
    """The declarations by the kind of their event. Raises ``ValueError`` where two are of one kind."""
    table: dict[str, EventType[...]] = {}
    for event in declared:
        if table.setdefault(event.kind, event) is not event:
            raise ValueError(f"the event {event.kind} is declared twice")
    return table


def declared_in(*namespaces: object) -> dict[str, EventType[...]]:
    """Every event that is declared as an attribute of these, or of the classes that they are made of."""
    attributes = (getattr(space, name) for space in namespaces for name in dir(space) if not name.startswith("_"))
    return by_kind(attribute for attribute in attributes if isinstance(attribute, EventType))
