"""Long lists for statements that hold only so many values."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, func, select

T = TypeVar("T")

AT_ONCE = 500


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as a statement can hold."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def among(column: Column[Any], values: Sequence[int] | Sequence[str]) -> ColumnElement[bool]:
    """Whether a column has one of these values. They travel as one: to write a parameter for each into the statement
    takes longer than to look its row up."""
    return column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))
