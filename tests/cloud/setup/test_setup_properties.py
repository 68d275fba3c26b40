"""Export and apply undo each other, and what is refused leaves no trace."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec import structs
from sqlalchemy import select

from cloud.people.plans import Plan
from cloud.points.rule import SiteZone
from cloud.setup.document import BadSetup, SetupFile
from cloud.setup.service import NeedsAccept, SetupService
from cloud.store.database import Store, connect
from tests.cloud.setup.conftest import found, service_over
from tests.cloud.setup.setups import Rows, setups, text_of, without_mark
from tests.cloud.support.tables import all_tables


@pytest.fixture(scope="module")
def moon_court(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("moon") / "cloud.db"
    shutil.copyfile(tables, file)
    store = connect(f"sqlite:///{file}")
    found(store)
    store.close()
    return file


@contextmanager
def community(file: Path) -> Iterator[tuple[Store, SetupService]]:
    """A copy of the community."""
    with TemporaryDirectory() as folder:
        copied = shutil.copyfile(file, Path(folder) / "cloud.db")
        store = connect(f"sqlite:///{copied}")
        try:
            yield store, service_over(store)
        finally:
            store.close()


def put(setup: SetupService, text: str) -> None:
    """Applies a setup, in two steps where it is grave."""
    file = SetupFile(text.encode())
    try:
        setup.apply(file, "admin")
    except NeedsAccept as wants:
        setup.apply(file, "admin", wants.preview.code)


def rows_of(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the database."""
    with store.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in all_tables().sorted_tables
        }


@given(setups(), setups())
@settings(max_examples=25, deadline=None)
def test_applied_setup_is_exported_to_its_bytes(moon_court: Path, first: Rows, second: Rows) -> None:
    """Whatever stood there before."""
    with community(moon_court) as (_, setup):
        for rows in (first, second):
            text = without_mark(text_of(rows))
            put(setup, text)
            assert without_mark(setup.export()) == text


@given(setups())
@settings(max_examples=15, deadline=None)
def test_export_is_applied_without_a_change(moon_court: Path, rows: Rows) -> None:
    with community(moon_court) as (store, setup):
        put(setup, without_mark(text_of(rows)))
        exported, before = setup.export(), rows_of(store)
        assert setup.apply(SetupFile(exported.encode()), "admin").differences == []
        assert rows_of(store) == before
        assert setup.export() == exported


@given(setups(), some.data())
@settings(max_examples=15, deadline=None)
def test_refused_setup_changes_no_row(moon_court: Path, rows: Rows, data: some.DataObject) -> None:
    """A whole setup with one row that names what there is not."""
    wrong = data.draw(some.sampled_from(["zone", "plan"]))
    if wrong == "zone":
        rows[SiteZone] = {**rows[SiteZone], "zz": SiteZone("zz", parent="nowhere")}
    else:
        key, plan = next(iter(rows[Plan].items()))
        rows[Plan] = {**rows[Plan], key: structs.replace(plan, opens={"estate": "never"})}
    with community(moon_court) as (store, setup):
        before = rows_of(store)
        with pytest.raises(BadSetup, match=r"there (is|are) no"):
            put(setup, without_mark(text_of(rows)))
        assert rows_of(store) == before
