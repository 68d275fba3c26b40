"""Whatever the description of the API allows, and what it does not: no call is an error of ours."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from tests.cloud.support.town import PASSWORD, Town

LEFT_OUT = {("GET", "/api/v1/stream"), ("POST", "/api/v1/logout"), ("DELETE", "/api/v1/logins/{name}")}
"""An endless answer, and what ends the login that asks."""
MANY = 40
QUIET = tuple(HealthCheck)


def faults(
    town: Town, name: str, examples: int, modes: Sequence[GenerationMode] = tuple(GenerationMode)
) -> tuple[int, list[str]]:
    """How many calls somebody of that name made, and those that were answered with an error of the server."""
    found, calls = list[str](), 0
    with town.visit() as caller:
        if name:
            told = caller.post("/api/v1/login", json={"name": name, "password": PASSWORD}).json()
            caller.headers["Authorization"] = f"Bearer {told['token']}"
        schema = schemathesis.openapi.from_dict(town.app.openapi())
        for made in schema.get_all_operations():
            assert isinstance(made, Ok)
            operation = made.ok()
            if (operation.method.upper(), operation.path) in LEFT_OUT:
                continue
            for mode in modes:

                @settings(
                    max_examples=examples,
                    database=None,
                    deadline=None,
                    derandomize=True,
                    phases=[Phase.generate],
                    suppress_health_check=QUIET,
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def ask(case: Case[Any]) -> None:
                    nonlocal calls
                    calls += 1
                    answer = case.call(base_url=town.url, headers=dict(caller.headers), timeout=10)
                    if answer.status_code >= 500:
                        found.append(f"{answer.status_code} {case.as_curl_command()}")

                with suppress(Unsatisfiable):  # a call without anything to say has no wrong form
                    ask()
    return calls, found


def test_no_call_is_a_server_error(town: Town) -> None:
    """An administrator's, once each as it is described: what is not as described takes three times as long to make."""
    calls, found = faults(town, "admin", 1, [GenerationMode.POSITIVE])
    assert calls > 90
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["admin", "office", "company", "cell", "steward", ""])
def test_many_calls_are_no_server_error(town: Town, name: str) -> None:
    _, found = faults(town, name, MANY)
    assert found == []
