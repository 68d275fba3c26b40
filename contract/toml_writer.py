"""A document as TOML, the way a person would write it: tables under headers, one key a line."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def write_toml(document: Mapping[str, Any]) -> str:
    """The text of what ``read_toml`` gave."""
    return "\n".join(_table(document, "")).lstrip("\n") + "\n"


def write_rows(document: Mapping[str, Any]) -> str:
    """The same for a document of rows: a table within a table stands on one line."""
    parts = [
        f"{_key(key)} = {_value(one)}\n" for key, one in document.items() if not (_is_table(one) or _is_tables(one))
    ]
    for name, value in document.items():
        if _is_table(value):
            parts.append(f"\n[{_key(name)}]\n{_row(value)}")
        elif _is_tables(value):
            parts += [f"\n[[{_key(name)}]]\n{_row(row)}" for row in value]
    return "".join(parts).lstrip("\n")


def _row(row: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in row.items())


def _table(table: Mapping[str, Any], name: str) -> Iterator[str]:
    """The lines of a table: first its keys, then the tables in it under headers of their own."""
    for key, value in table.items():
        if not _is_table(value) and not _is_tables(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        inner = f"{name}.{_key(key)}".lstrip(".")
        if _is_table(value):
            if not value or any(not _is_table(field) and not _is_tables(field) for field in value.values()):
                yield f"\n[{inner}]"
            yield from _table(value, inner)
        elif _is_tables(value):
            for row in value:
                yield f"\n[[{inner}]]"
                yield from _table(row, inner)


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_table, value))


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
    return key if bare else _string(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _string(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return (
                f"{{ {', '.join(f'{_key(key)} = {_value(field)}' for key, field in value.items())} }}"
                if value
                else "{}"
            )
    return str(value)  # numbers, dates and times are written as Python does


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
