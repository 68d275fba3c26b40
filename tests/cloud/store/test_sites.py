"""Every table that is new from here on, and every function that uses it, knows of which site it speaks."""

import ast
from collections.abc import Collection, Set

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, ForeignKey, MetaData, String, Table, create_engine, inspect

from cloud.store.database import MIGRATIONS
from dev import ROOT
from tests.cloud.support.tables import all_tables

BEFORE = "0013"
"""The last version whose tables speak of the only site there is."""


def without_site(tables: MetaData, before: Collection[str]) -> list[str]:
    """The tables made since that have no column ``site`` by which the sites are told apart."""
    made = [table for table in tables.tables.values() if table.name not in before]
    return [
        table.name
        for table in made
        if "site" not in table.c or table.c.site.nullable or "sites.name" not in _references(table.c.site)
    ]


def _references(column: Column[str]) -> set[str]:
    return {key.target_fullname for key in column.foreign_keys}


def siteless_functions(source: str, tables: Set[str]) -> list[str]:
    """The functions that name one of these tables, and are not told the site."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return [
        function.name
        for function in functions
        if tables & {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        and "site" not in {arg.arg for arg in (*function.args.args, *function.args.kwonlyargs)}
    ]


@pytest.fixture(scope="session")
def tables_before(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('before') / 'cloud.db'}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        found = frozenset(inspect(connection).get_table_names())
    engine.dispose()
    return found


def test_new_tables_have_a_site(tables_before: frozenset[str]) -> None:
    assert without_site(all_tables(), tables_before) == []


def test_store_functions_of_new_tables_take_the_site(tables_before: frozenset[str]) -> None:
    new = set(all_tables().tables) - tables_before
    stores = [file for file in (ROOT / "cloud").rglob("*.py") if "migrations" not in file.parts]
    found = {str(file.relative_to(ROOT)): siteless_functions(file.read_text(), new) for file in stores}
    assert {file: siteless for file, siteless in found.items() if siteless} == {}


def test_table_without_a_site_is_found() -> None:
    tables = MetaData()
    Table("parcels", tables, Column("id", String, primary_key=True))
    Table("lockers", tables, Column("site", String, ForeignKey("sites.name"), nullable=False))
    Table("devices", tables, Column("id", String))
    assert without_site(tables, {"devices"}) == ["parcels"]


def test_function_without_a_site_is_found() -> None:
    source = "def good(site):\n    parcels\ndef bad():\n    parcels\ndef other():\n    devices\n"
    assert siteless_functions(source, {"parcels"}) == ["bad"]
