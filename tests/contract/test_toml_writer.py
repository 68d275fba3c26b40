"""What is written as TOML is read again as it was."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from contract.toml_text import read_toml
from contract.toml_writer import write_rows, write_toml

SAMPLES = sorted((Path(__file__).parents[2] / "config").glob("*.toml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_sample_is_read_again_as_it_was(sample: Path) -> None:
    document = read_toml(sample.read_text())
    assert read_toml(write_toml(document)) == document


def test_tables_have_headers_and_lists_of_tables_two_brackets() -> None:
    document = {"device": {"name": "a"}, "point": [{"name": "b", "outputs": {"lock": {"pin": 1, "on": True}}, "x": []}]}
    assert write_toml(document) == (
        '[device]\nname = "a"\n\n[[point]]\nname = "b"\nx = []\n\n[point.outputs.lock]\npin = 1\non = true\n'
    )


def test_rows_hold_their_tables_on_one_line() -> None:
    document = {"cell": [], "site": {"name": "a"}, "plan": [{"name": "b", "opens": {"gym": "always"}, "places": 4}]}
    text = write_rows(document)
    assert text == ('cell = []\n\n[site]\nname = "a"\n\n[[plan]]\nname = "b"\nopens = { gym = "always" }\nplaces = 4\n')
    assert read_toml(text) == document


keys = some.text(max_size=8)
plain = (
    some.text(max_size=20)
    | some.booleans()
    | some.integers(-(10**17), 10**17)
    | some.floats(allow_nan=False)
    | some.dates(date(1, 1, 1))
    | some.datetimes(datetime(1, 1, 1))  # noqa: DTZ001
)
values = some.recursive(
    plain, lambda inner: some.lists(inner, max_size=3) | some.dictionaries(keys, inner, max_size=3), max_leaves=12
)


@given(some.dictionaries(keys, values, max_size=4))
def test_any_document_is_read_again(document: dict[str, Any]) -> None:
    try:
        read = read_toml(write_toml(document))
    except ValueError as refused:
        assert "deeper" in str(refused) or "digits" in str(refused)
        return
    assert read == document
