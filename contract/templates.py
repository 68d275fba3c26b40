"""Templates and ranges: a wiring says once what many of its points have in common. Pure.

    [template.socket]
    kind = "socket"
    outputs.relay.load = "power_to_run"

    [[point]]
    name = "phone-1..3"
    template = "socket"
    outputs.relay.pin = "11, 13..14"

Written out these are three points, phone-1 at pin 11, phone-2 at 13 and phone-3 at 14, each with the keys of the
template too. Device and cloud read what is written out, and complaints name the key as the file has it. A key stands in
a point or in its template, never in both, and a template names no other: so each value has one place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from contract.toml_text import MAX_ENTRIES

Table = Mapping[str, Any]

_NUMBER = r"(?:0|[1-9]\d{0,3})"
_SPAN = rf"{_NUMBER}(?:\.\.{_NUMBER})?"
_RANGE = re.compile(rf"(?P<prefix>(?:[A-Za-z0-9_-]*[A-Za-z_-])?)(?P<spans>{_SPAN}(?:, ?{_SPAN})*)")
_PART = re.compile(r'"[^"]*"|[\w-]+|\[\d+\]')
OWN_KEYS = ("name", "template")
"""What a point has of its own: no template gives it."""


class BadKey(ValueError):
    """A table that is not what it should be: the ``key`` that is wrong, and the cure."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key, self.problem = key, problem


class Origin(NamedTuple):
    """Where a point that was written out comes from: its block in the file, by number, and the name of its template.
    ``name`` is the point's if its block stands for several."""

    block: int
    template: str = ""
    name: str = ""


class Place(NamedTuple):
    """A key as the file has it, and the point that it is about where that key alone does not say it."""

    key: str
    point: str = ""


class Expansion:
    """A wiring with its templates and ranges written out: ``document`` has neither.

    What has a form that no wiring has is left as it is, for whoever checks the whole. Raises ``BadKey``, whose key is
    as the file has it, also where the whole would have more keys than a text may.
    """

    def __init__(self, source: Table) -> None:
        self._source = source
        self._left = MAX_ENTRIES
        self._origins: list[Origin] = []
        self._numbers: dict[str, str] = {}
        """Keys of shared readers that came from a range → the key of that range."""
        self._templates = _templates(source)
        self.document: dict[str, Any] = {name: value for name, value in source.items() if name != "template"}
        if isinstance(source.get("point"), list):
            self.document["point"] = [point for block in enumerate(source["point"]) for point in self._points(*block)]
            used = {origin.template for origin in self._origins}
            for name in self._templates:
                if name not in used:  # it would be checked by nobody
                    raise BadKey(f"template.{name}", "no point names this template; name it or take it out")
        if isinstance(source.get("reader"), list):
            self.document["reader"] = [self._reader(*reader) for reader in enumerate(source["reader"])]

    def place(self, key: str) -> Place:
        """Where a key of the document stands in the file, or would."""
        if key in self._numbers:
            return Place(self._numbers[key])
        point = re.match(r"point\[(\d+)\]", key)
        if not point or int(point[1]) >= len(self._origins):
            return Place(key)
        origin, rest = self._origins[int(point[1])], key[point.end() :]
        common, own = self._templates.get(origin.template, {}), self._source["point"][origin.block]
        if _depth(common, rest) > _depth(own, rest):
            return Place(f"template.{origin.template}{rest}", origin.name or str(own.get("name", "")))
        return Place(f"point[{origin.block}]{rest}", origin.name)

    def _points(self, index: int, block: Any) -> Iterator[Any]:
        """The points that one block of the file stands for."""
        if not isinstance(block, dict):
            self._origins.append(Origin(index))
            yield block
            return
        where = f"point[{index}]"
        template = self._template_of(block, where)
        common = self._templates.get(template, {})
        names = _names(block.get("name"), f"{where}.name")
        own = {key: value for key, value in block.items() if key != "template"}
        self._count((_entries(own) + _entries(common)) * max(len(names), 1), where)
        for name, point in zip(names or [""], _for_each(own, names, where) if names else [own], strict=True):
            self._origins.append(Origin(index, template, name))
            yield _merged(point, common, where, template)

    def _template_of(self, block: Table, where: str) -> str:
        """The name of the template that a point names; empty if it names none."""
        if "template" not in block:
            return ""
        name = block["template"]
        if not isinstance(name, str) or name not in self._templates:
            there = ", ".join(self._templates) or "none"
            raise BadKey(f"{where}.template", f"no template of this file has this name; there is {there}")
        return name

    def _reader(self, index: int, reader: Any) -> Any:
        """A shared reader: ``"1..8" = "phone-1..8"`` under its ``points`` is eight of them."""
        if not isinstance(reader, dict) or not isinstance(reader.get("points"), dict):
            return reader
        points: dict[str, Any] = {}
        for keyed, named in reader["points"].items():
            where = f'reader[{index}].points."{keyed}"'
            keys, names = _range(keyed, where) or [keyed], _range(named, where) or [named]
            if len(keys) != len(names):
                raise BadKey(where, f"{len(keys)} numbers for {len(names)} points; write one for each")
            self._count(len(keys), where)
            for key, name in zip(map(str, keys), names, strict=True):
                if key in points:
                    raise BadKey(where, f"the number {key} stands in this table already")
                points[key] = name
                if len(keys) > 1:
                    self._numbers[f"reader[{index}].points.{key}"] = where
        return {**reader, "points": points}

    def _count(self, entries: int, where: str) -> None:
        self._left -= entries
        if self._left < 0:
            raise BadKey(where, f"written out, this file has more than {MAX_ENTRIES} keys; write fewer points")


def _templates(document: Table) -> dict[str, Table]:
    templates = document.get("template", {})
    if not isinstance(templates, dict):
        raise BadKey("template", "a template has a name: write [template.socket], or what you call it")
    for name, template in templates.items():
        if not isinstance(template, dict):
            raise BadKey(f"template.{name}", f"a template is a table: write [template.{name}]")
        for key in OWN_KEYS:
            if key in template:
                raise BadKey(f"template.{name}.{key}", f"a template has no {key}; write it at the point")
    return templates


def _names(name: object, key: str) -> Sequence[str]:
    """The names that a range of them stands for; none of a plain name."""
    if not isinstance(name, str) or not (".." in name or "," in name):
        return []
    names = _range(name, key)
    if names is None or isinstance(names[0], int):
        raise BadKey(key, 'this is no range of names; write it like "phone-1..8"')
    return [str(name) for name in names]


def _for_each(value: Any, names: Sequence[str], key: str) -> Sequence[Any]:
    """The value as each of the points with these names has it."""
    if isinstance(value, dict):
        columns = [_for_each(inner, names, f"{key}.{name}") for name, inner in value.items()]
        return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)] or [{} for _ in names]
    if isinstance(value, list):
        columns = [_for_each(inner, names, f"{key}[{index}]") for index, inner in enumerate(value)]
        return [list(row) for row in zip(*columns, strict=True)] or [[] for _ in names]
    values = _range(value, key)
    if values is not None and len(values) != len(names):
        problem = f"{len(values)} values for {len(names)} points, {names[0]} to {names[-1]}; write one for each"
        raise BadKey(key, problem)
    return [value] * len(names) if values is None else values


def _range(text: object, key: str) -> Sequence[int] | Sequence[str] | None:
    """What a range stands for: numbers, or names that begin alike; None of what is no range."""
    spans = _RANGE.fullmatch(text) if isinstance(text, str) and (".." in text or "," in text) else None
    if spans is None:
        return None
    numbers: list[int] = []
    for span in spans["spans"].split(","):
        first, _, last = span.strip().partition("..")
        if int(last or first) < int(first):
            raise BadKey(key, f"{span.strip()} counts down; write the smaller number first, or one by one")
        numbers += range(int(first), int(last or first) + 1)
        if len(numbers) > MAX_ENTRIES:
            raise BadKey(key, f"more than {MAX_ENTRIES} numbers; write fewer")
    return [f"{spans['prefix']}{number}" for number in numbers] if spans["prefix"] else numbers


def _merged(own: Table, common: Table, where: str, template: str) -> dict[str, Any]:
    """The point's keys and those of its template. No two points share a table."""
    whole = dict(own)
    for name, value in common.items():
        key = f"{where}.{name}"
        if name not in own:
            whole[name] = deepcopy(value)
        elif isinstance(own[name], dict) and isinstance(value, dict):
            whole[name] = _merged(own[name], value, key, template)
        else:
            raise BadKey(key, f"the template {template} has this key too; write it in one of the two")
    return whole


def _entries(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_entries, value.values()))
    return len(value) + sum(map(_entries, value)) if isinstance(value, list) else 0


def _depth(value: Any, key: str) -> int:
    """How many parts of the key lead to something in the value."""
    depth = 0
    for part in key_parts(key):
        try:
            value = value[int(part[1:-1])] if part[0] == "[" else value[part]
        except (KeyError, IndexError, TypeError):
            break
        depth += 1
    return depth


def key_parts(key: str) -> list[str]:
    """The parts of a key: ``point[1].points."1..8"`` is ``point``, ``[1]``, ``points`` and ``1..8``."""
    return [part.strip('"') for part in _PART.findall(key)]
