"""The rules are pure: no clock, no chance, no thread, no file, no wire, in them or in anything they import."""

import ast
from collections.abc import Iterable

import pytest

from tests.house import sources

IMPURE = {
    *("os", "time", "random", "secrets", "threading", "asyncio", "multiprocessing", "subprocess", "socket"),
    *("sqlite3", "sqlite_utils", "sqlalchemy", "paho", "gpiozero"),
}
PURE_FOLDERS = ("contract.", "edge.stations.", "edge.archetypes.")
PURE_FILES = {
    "cloud.web.connections",
    "cloud.cards.rule",
    "cloud.people.members",
    "cloud.people.holdings",
    "cloud.flats.rule",
    "cloud.parties.party",
    "cloud.web.networks",
    "cloud.people.plans",
    "cloud.people.grants",
    "cloud.people.terms",
    "cloud.people.traits",
    "cloud.people.permits",
    "cloud.permits.kinds",
    "cloud.permits.rule",
    "cloud.joining.rule",
    "cloud.guests.rule",
    "cloud.office.rule",
    "cloud.bars.rule",
    "cloud.operators.tip",
    "cloud.replay.rule",
    "cloud.authority.proof",
    "cloud.authority.rule",
    "cloud.replay.log",
    "cloud.replay.holders",
    "cloud.replay.checks",
    "cloud.replay.passback",
    "cloud.people.tree",
    "cloud.people.version_1",
    "cloud.fleet.rollouts",
    "cloud.charging.sessions",
    "cloud.charging.rule",
    "cloud.emergencies.rule",
    "cloud.counters.rooms",
    "cloud.hours.rule",
    "cloud.hours.ical",
    "cloud.hours.recurrence",
    "cloud.people.site_pages",
    "cloud.commands.rule",
    "cloud.ingest.overload",
    "cloud.explain.rule",
    "cloud.explain.moments",
}
REQUEST_MODELS = "pydantic.BaseModel"
"""Who imports it defines bodies of calls."""
RENDERING = "cloud.web.pages."
"""Who imports from there makes pages."""
CLOCK_CALLS = {"now", "utcnow", "today"}


def is_pure(module: str) -> bool:
    return f"{module}.".startswith(PURE_FOLDERS) or module in PURE_FILES


def impurities(modules: Iterable[str], graph: dict[str, set[str]]) -> list[str]:
    """The impure imports that the modules bring in, each with the module that does it."""
    edges = sources.import_edges(graph)
    return sorted(
        f"{module}: {reached} imports {name}"
        for module in modules
        for reached in sources.reach(module, edges)
        for name in graph[reached]
        if sources.top(name) in IMPURE
    )


def pages_with_models(graph: dict[str, set[str]]) -> list[str]:
    """The pages that bring in a module which defines bodies of calls: a use case takes plain values, so that the
    console's forms and the calls of the API are both thin. `cloud.app` puts all of them together."""
    edges = sources.import_edges(graph)
    pages = [module for module, names in graph.items() if any(name.startswith(RENDERING) for name in names)]
    return sorted(
        f"{page}: {reached} defines a BaseModel"
        for page in pages
        for reached in sources.reach(page, edges)
        if page != "cloud.app" and REQUEST_MODELS in graph[reached]
    )


def writes_by_itself(source: str) -> bool:
    """Whether a module with routes of the web opens a transaction that writes: only services change anything, each
    change with its row in the audit."""
    tree = ast.parse(source)
    has_routes = any(isinstance(node, ast.Name) and node.id == "APIRouter" for node in ast.walk(tree))
    return has_routes and any(isinstance(node, ast.Attribute) and node.attr == "writing" for node in ast.walk(tree))


def clock_readings(source: str) -> list[int]:
    """The lines that ask for the present instead of being told."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [c.lineno for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in CLOCK_CALLS]


def test_the_rules_bring_in_nothing_impure() -> None:
    graph = sources.module_graph()
    assert impurities(filter(is_pure, graph), graph) == []


def test_the_rules_are_told_the_time() -> None:
    files = [file for file in sources.files(*sources.PACKAGES, suffix=".py") if is_pure(sources.module_name(file))]
    assert {sources.relative(file): lines for file in files if (lines := clock_readings(file.read_text()))} == {}


def test_the_rules_are_where_this_test_looks() -> None:
    graph = sources.module_graph()
    assert set(graph) >= PURE_FILES
    for folder in PURE_FOLDERS:
        assert any(module.startswith(folder) for module in graph)


@pytest.mark.parametrize(
    "source", ["import os.path", "from time import monotonic", "def f() -> None:\n    import paho.mqtt"]
)
def test_an_impure_import_is_found(source: str) -> None:
    assert impurities(["contract.x"], {"contract.x": sources.imports(source)})


def test_an_impure_import_is_found_behind_another_module() -> None:
    graph = {"edge.stations.door": {"edge.journal.journal.Journal"}, "edge.journal.journal": {"sqlite3"}}
    found = impurities(["edge.stations.door"], graph)
    assert found == ["edge.stations.door: edge.journal.journal imports sqlite3"]


def test_a_look_at_the_clock_is_found() -> None:
    assert clock_readings("from datetime import UTC, datetime\nat = datetime.now(UTC)") == [2]


def test_pages_bring_in_no_body_of_a_call() -> None:
    assert pages_with_models(sources.module_graph()) == []


def test_body_of_a_call_behind_a_page_is_found() -> None:
    graph = {
        "cloud.people.pages": {"cloud.web.pages.render", "cloud.people.service.PeopleService"},
        "cloud.people.service": {"cloud.people.api.PersonIn"},
        "cloud.people.api": {"pydantic.BaseModel"},
        "cloud.web.pages": set[str](),
    }
    assert pages_with_models(graph) == ["cloud.people.pages: cloud.people.api defines a BaseModel"]


def test_routes_write_through_services_alone() -> None:
    files = [file for file in sources.files("cloud", suffix=".py") if writes_by_itself(file.read_text())]
    assert [sources.relative(file) for file in files] == []


def test_route_that_writes_is_found() -> None:
    act = "def act(context):\n    with context.store.writing() as connection:\n        pass\n"
    assert writes_by_itself(f"router = APIRouter()\n{act}")
    assert not writes_by_itself(act)
