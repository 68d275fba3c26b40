"""A row of the setup file as a Struct: every field is read by itself, so that all that is wrong is told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct, ValidationError, convert, structs

from cloud.store.labels import Label
from cloud.web.names import UnclearName, clean_text
from cloud.web.sentence import N_, Sentence

MAX_LABEL = 60
MISSING = N_("%(key)s is missing; write it")
TYPES = {
    "str": N_("a text"),
    "int": N_("a whole number"),
    "float": N_("a number"),
    "bool": N_("true or false"),
    "date": N_("a day such as 2027-01-31"),
    "array": N_("a list in brackets"),
    "object": N_("a table in braces"),
}
"""What msgspec calls the types of a setup, and what people do."""
A_LABEL = N_('a name in both languages, such as { zh = "东门", en = "East gate" }')
COMPLAINTS = (
    (r"Object missing required field `(?P<key>.+)`", MISSING),
    (r"Invalid .*date.*", N_("write a day such as 2027-01-31")),
    (r"Expected `int` >= (?P<least>.+)", N_("write a number from %(least)s on")),
    (r"Expected `int` <= (?P<most>.+)", N_("write a number up to %(most)s")),
    (r"Expected `array` of length <= (?P<most>.+)", N_("name %(most)s at most")),
    (
        r"a floor of (?P<floor>\d+) (?P<unit>\w+) is more than the amount, (?P<amount>\d+)",
        N_("a floor of %(floor)s %(unit)s is more than the amount, %(amount)s"),
    ),
    (r"what is money has no floor.*", N_("what is money has no floor: it would be given twice")),
)
"""What msgspec, and the types themselves, say beside a wrong type, and how it is said here."""


WRONG: Any = object()
"""In the place of a value that is none."""


class FieldError(NamedTuple):
    """What is wrong with a field of a row, and its cure."""

    field: str
    text: str


class ReadRow(NamedTuple):
    """A row of the file, whole if there are no ``errors``. Where there are, what is wrong with it is left out, so that
    the names in the rest of it are looked at too."""

    row: Struct
    errors: Sequence[FieldError]


def read_row(said: Mapping[str, Any], kind: type[Struct], *, strict: bool = True) -> ReadRow:
    """Where it is not ``strict``, a text may say a number, as in a CSV."""
    reader = _RowReader(strict)
    types = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in structs.fields(kind)}
    reader.errors += [_unknown(key, fields) for key in said if key not in fields]
    values: dict[str, Any] = {}
    for key, field in fields.items():
        expected = types[field.name]
        value = reader.value(said[key], expected, key) if key in said else WRONG
        if key not in said and field.required and not (_admits_none(expected) or field.type is Label):
            reader.errors.append(FieldError("", Sentence(MISSING, key=key)))
        if value is not WRONG:
            values[field.name] = value
        elif field.required:
            values[field.name] = _nothing(expected)
    if "label" in fields and fields["label"].type is Label:
        try:
            values["label"] = _label(values.get("label", Label()), str(values.get("name", "")))
        except UnclearName as wrong:
            reader.errors.append(FieldError("label", wrong.args[0]))
    return ReadRow(kind(**values), reader.errors)


def _label(said: Label, name: str) -> Label:
    """What screens call a row: by its name where the file does not say. Raises ``UnclearName``."""
    return Label(*(clean_text(text, MAX_LABEL) for text in (said.zh, said.en))).named(name)


def _nothing(expected: Any) -> Any:
    """What stands in a row for a required value that is not there."""
    if _admits_none(expected):
        return None
    kind = next(_parts(expected))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    made = get_origin(kind) or kind
    return {} if made is Mapping else made()


class _RowReader:
    """The reading of one row, which goes on behind what is wrong."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self.errors: list[FieldError] = []

    def value(self, said: Any, expected: Any, path: str) -> Any:
        """``WRONG`` for what is no value; of a table or a list, what of it is right."""
        before = len(self.errors)
        pieces = {key: self.value(value, kind, f"{path}{key}") for key, value, kind in _pieces(said, expected)}
        if len(self.errors) > before:
            right = {key: value for key, value in pieces.items() if value is not WRONG}
            return {key[1:]: value for key, value in right.items()} if isinstance(said, dict) else tuple(right.values())
        self.errors += _unknown_within(said, expected, path)
        try:
            return convert(said, expected, strict=self._strict)
        except ValidationError as wrong:
            if len(self.errors) == before:
                self.errors.append(_error(path, said, expected, str(wrong)))
            return WRONG


def _pieces(said: Any, expected: Any) -> Iterator[tuple[str, Any, Any]]:
    """What a table of any keys, or a list, is made of: how each is called behind its whole, and of which type it is."""
    for kind in _parts(expected):
        origin, inner = get_origin(kind), get_args(kind)
        if isinstance(said, dict) and origin is Mapping:
            yield from ((f".{key}", value, inner[1]) for key, value in said.items())
        elif isinstance(said, list) and origin in (list, tuple):
            yield from ((f"[{number}]", value, inner[0]) for number, value in enumerate(said))


def _error(path: str, said: Any, expected: Any, complaint: str) -> FieldError:
    """What msgspec complains of, in the words of the field where it brings its own."""
    problem, _, at = complaint.partition(" - at `$")
    for step in re.findall(r"\.(\w+)", at):
        said, expected, path = said[step], _type_of(step, expected), f"{path}.{step}"
    meant = next((one.description for one in _metas(expected) if one.description), "")
    for pattern, text in () if meant else COMPLAINTS:
        if found := re.fullmatch(pattern, problem):
            return FieldError(path, Sentence(text, **found.groupdict()))
    what = Sentence(meant) if meant else _wanted(problem, expected)
    if isinstance(said, dict | list):
        return FieldError(path, Sentence(N_("write %(what)s"), what=what))
    return FieldError(path, Sentence(N_("%(said)s is not %(what)s"), said=_shown(said), what=what))


def _type_of(name: str, expected: Any) -> Any:
    """The type of that field of a table within a field."""
    return next(get_type_hints(kind, include_extras=True)[name] for kind in _structs(expected))


def _wanted(problem: str, expected: Any) -> Sentence:
    """What is to be written: the values that a field may have, or its type."""
    if Label in _parts(expected):
        return Sentence(A_LABEL)
    if choices := list(_choices(expected)):
        return Sentence(N_("one of %(names)s"), names=", ".join(choices))
    found = re.match(r"Expected `(\w+)", problem)
    return Sentence(TYPES.get(found[1], found[1]) if found else problem)


def _choices(expected: Any) -> Iterator[str]:
    for kind in _parts(expected):
        if isinstance(kind, type) and issubclass(kind, Enum):
            yield from (one.value for one in kind if one.value)
        elif get_origin(kind) is Literal:
            yield from get_args(kind)
    if isinstance(expected, UnionType) or get_origin(expected) is Union:
        yield from (f"{{ {', '.join(f'{name} = …' for name in one.__struct_fields__)} }}" for one in _structs(expected))


def _shown(value: Any) -> str:
    """A value as it stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)


def _unknown(key: str, fields: Mapping[str, Any], within: str = "") -> FieldError:
    there = list(fields)
    if within:
        return FieldError(within, Sentence(N_("unknown key %(key)s; there is %(names)s"), key=key, names=there))
    return FieldError(key, Sentence(N_("unknown key; there is %(names)s"), names=there))


def _unknown_within(said: Any, expected: Any, path: str) -> Iterator[FieldError]:
    """The keys of a table within a field, and of those in it, that no Struct there has."""
    for kind in _structs(expected) if isinstance(said, dict) else ():
        types = get_type_hints(kind, include_extras=True)
        fields = {field.encode_name: types[field.name] for field in structs.fields(kind)}
        for key, value in said.items():
            if key in fields:
                yield from _unknown_within(value, fields[key], f"{path}.{key}")
            else:
                yield _unknown(key, fields, path)


def _metas(expected: Any) -> Iterator[Meta]:
    if get_origin(expected) is Annotated:
        yield from (one for one in get_args(expected)[1:] if isinstance(one, Meta))
        yield from _metas(get_args(expected)[0])
    elif get_origin(expected) in (Union, UnionType):
        for part in get_args(expected):
            yield from _metas(part)


def _parts(expected: Any) -> Iterator[Any]:
    """The types that a field may be of."""
    if get_origin(expected) is Annotated:
        yield from _parts(get_args(expected)[0])
    elif get_origin(expected) in (Union, UnionType):
        for part in get_args(expected):
            yield from _parts(part)
    else:
        yield expected


def _structs(expected: Any) -> Iterator[type[Struct]]:
    return (kind for kind in _parts(expected) if isinstance(kind, type) and issubclass(kind, Struct))


def _admits_none(expected: Any) -> bool:
    return NoneType in _parts(expected)
