"""The page of a device's configuration file: every table and key, and what each kind of station adds."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec
from msgspec import Struct, inspect

from edge.archetypes.station import Station
from edge.config.kinds import find_kind, our_kinds
from edge.config.tables import ConfigFile
from tests.house.reference.markdown import Undocumented, code, documented, sentences, table
from tests.house.reference.shapes import bounds, default, fields_of, shape

HEAD = ("Key", "Type", "Bounds", "Default", "Meaning")
WIRED = ("Kind", "Part", "Name", "Required")
TEMPLATES = (
    "A point may name a `template` of the file, and a range may stand for several points: see\n"
    "[contract/templates.py](../../contract/templates.py).\n"
)
TRIED = (-1, 10**15)
"""Numbers that are out of any bounds: what a struct says of them is the bounds that it checks by itself."""


def settings() -> str:
    """The tables of the file, then what the kinds of station wire and set."""
    kinds = [find_kind(name) for name in our_kinds()]
    of_kinds = [(f"{heading} of kind `{kind.name}`", one) for kind in kinds for heading, one in _settings_of(kind)]
    wired = f"## What each kind wires\n\n{table(WIRED, (row for kind in kinds for row in _wired(kind)))}"
    return "\n".join([TEMPLATES, *_sections(_tables(ConfigFile, "")), wired, *_sections(of_kinds)])


def _settings_of(kind: Station) -> Iterator[tuple[str, type[Struct]]]:
    yield code("[point.settings]"), kind.settings
    yield from _tables(kind.settings, "point.settings")


def _sections(tables: Iterable[tuple[str, type[Struct]]]) -> Iterator[str]:
    """A section for each struct, under the first of its headings; the others are named in it."""
    headings: dict[type[Struct], list[str]] = {}
    for heading, struct in tables:
        headings.setdefault(struct, []).append(heading)
    return (section(struct, at) for struct, at in headings.items())


def section(struct: type[Struct], headings: list[str]) -> str:
    """The keys of one struct. Raises ``Undocumented`` for one that its docstring does not name."""
    said = sentences(documented(struct, struct.__name__))
    also = f"The same keys stand in {', '.join(headings[1:])}.\n\n" if headings[1:] else ""
    return f"## {headings[0]}\n\n{also}{table(HEAD, (_row(struct, field, said) for field in fields_of(struct)))}"


def _tables(struct: type[Struct], path: str) -> Iterator[tuple[str, type[Struct]]]:
    """The tables within a table: the heading of each as it stands in the file, and its struct."""
    for field in fields_of(struct):
        for form, inner in _structs(field.type):
            within = ".".join(filter(None, [path, field.encode_name, "NAME" if form == "named" else ""]))
            yield code(f"[[{within}]]" if form == "list" else f"[{within}]"), inner
            yield from _tables(inner, within)


def _structs(kind: inspect.Type, form: str = "one") -> Iterator[tuple[str, type[Struct]]]:
    match kind:
        case inspect.StructType():
            yield form, kind.cls
        case inspect.UnionType():
            for one in kind.types:
                yield from _structs(one, form)
        case inspect.DictType():
            yield from _structs(kind.value_type, "named")
        case inspect.ListType() | inspect.VarTupleType():
            yield from _structs(kind.item_type, "list")


def _row(struct: type[Struct], field: inspect.Field, said: list[str]) -> list[str]:
    name = code(field.encode_name)
    meaning = " ".join(sentence for sentence in said if name in sentence)
    if not meaning:
        raise Undocumented(f"the docstring of {struct.__name__} does not say what {name} is")
    limits = bounds(field.type) or " ".join(_complaints(struct, field))
    return [name, shape(field.type), limits, "" if field.required else default(field), meaning]


def _complaints(struct: type[Struct], field: inspect.Field) -> list[str]:
    """What the struct says of this key when its number is far too low, or far too high."""
    found: list[str] = []
    for number in TRIED:
        with suppress(TypeError):  # other keys must be there, or the key is no number
            try:
                msgspec.convert({field.encode_name: number}, struct)
            except msgspec.ValidationError as wrong:
                said = str(wrong).partition(" - at")[0]
                if re.search(rf"\b{field.encode_name}\b", said) and said not in found:
                    found.append(said)
    return found


def _wired(kind: Station) -> Iterator[list[str]]:
    for part in ("outputs", "inputs", "instruments", "lines"):
        for name, required in getattr(kind, part).items():
            yield [kind.name, part, code(name), "yes" if required else "no"]
