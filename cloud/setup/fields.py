"""A row of the setup file as a Struct: every field is read by itself, so that all that is wrong is told."""

import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct, ValidationError, convert, structs

from cloud.store.labels import Label
from cloud.web.names import UnclearName, clean_text
from cloud.web.sentence import N_, Sentence

MAX_LABEL = 60


class FieldError(NamedTuple):
    """What is wrong with a field of a row, and its cure."""

    field: str
    text: str


def read_row(
    said: Mapping[str, Any], kind: type[Struct], *, strict: bool = True
) -> tuple[Struct | None, list[FieldError]]:
    """The row, none if anything is wrong with it. Where it is not ``strict``, a text may say a number, as in a CSV."""
    types = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field for field in structs.fields(kind)}
    errors = [_unknown(key, fields) for key in said if key not in fields]
    values: dict[str, Any] = {}
    for key, field in fields.items():
        expected = types[field.name]
        if key not in said:
            if field.required and not _admits_none(expected):
                errors.append(FieldError("", Sentence(N_("%(key)s is missing; write it"), key=key)))
            elif field.required:
                values[field.name] = None
            continue
        unknown = list(_unknown_within(said[key], expected, key))
        errors += unknown
        try:
            values[field.name] = convert(said[key], expected, strict=strict)
        except ValidationError as wrong:
            if not unknown:
                errors.append(_error(key, said[key], expected, str(wrong)))
    if "label" in fields and fields["label"].type is Label:
        try:
            values["label"] = _label(values.get("label", Label()), str(values.get("name", "")))
        except UnclearName as wrong:
            errors.append(FieldError("label", str(wrong)))
    return (None, errors) if errors else (kind(**values), [])


def _label(said: Label, name: str) -> Label:
    """What screens call a row: by its name where the file does not say. Raises ``UnclearName``."""
    return Label(*(clean_text(text, MAX_LABEL) for text in (said.zh, said.en))).named(name)


def _error(key: str, said: Any, expected: Any, complaint: str) -> FieldError:
    """What msgspec complains of, in the words of the field where it brings its own."""
    meant = next((one.description for one in _metas(expected) if one.description), None)
    if meant:
        what = Sentence(meant)
        if isinstance(said, dict):
            return FieldError(key, Sentence(N_("write %(what)s"), what=what))
        return FieldError(key, Sentence(N_("%(said)s is not %(what)s"), said=repr(said), what=what))
    problem, _, at = complaint.partition(" - at `$")
    within = at.rstrip("`")
    field = f"{key}{within}" if within.startswith(".") else key
    return FieldError(field, _complaint(problem.replace("`object`", "`table`")))


def _complaint(problem: str) -> str:
    """msgspec's usual complaints as sentences."""
    if found := re.fullmatch(r"Expected `(.+)`, got `(.+)`", problem):
        return Sentence(N_("Expected `%(expected)s`, got `%(got)s`"), expected=found[1], got=found[2])
    if found := re.fullmatch(r"Invalid enum value (.+)", problem):
        return Sentence(N_("Invalid enum value %(value)s"), value=found[1])
    return problem


def _unknown(key: str, fields: Mapping[str, Any], within: str = "") -> FieldError:
    there = ", ".join(fields)
    if within:
        return FieldError(within, Sentence(N_("unknown key %(key)s; there is %(names)s"), key=key, names=there))
    return FieldError(key, Sentence(N_("unknown key; there is %(names)s"), names=there))


def _unknown_within(said: Any, expected: Any, path: str) -> Iterator[FieldError]:
    """The keys of tables within a field that no Struct there has."""
    for kind in _parts(expected):
        origin, inner = get_origin(kind), get_args(kind)
        if isinstance(said, dict) and isinstance(kind, type) and issubclass(kind, Struct):
            types = get_type_hints(kind, include_extras=True)
            fields = {field.encode_name: types[field.name] for field in structs.fields(kind)}
            for key, value in said.items():
                if key in fields:
                    yield from _unknown_within(value, fields[key], f"{path}.{key}")
                else:
                    yield _unknown(key, fields, path)
        elif isinstance(said, dict) and isinstance(origin, type) and issubclass(origin, Mapping):
            for key, value in said.items():
                yield from _unknown_within(value, inner[1], f"{path}.{key}")
        elif isinstance(said, list) and origin in (list, tuple):
            for value in said:
                yield from _unknown_within(value, inner[0], path)


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


def _admits_none(expected: Any) -> bool:
    return NoneType in _parts(expected)
