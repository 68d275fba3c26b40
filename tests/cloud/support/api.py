"""A program that calls the API with a token."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.cloud.support.town import PASSWORD, Town, Visitor


@contextmanager
def program(town: Town, name: str) -> Iterator[Visitor]:
    with town.visit() as caller:
        answer = caller.post("/api/v1/login", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200
        caller.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield caller


def get(api: httpx.Client, path: str) -> Any:
    answer = api.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(api: httpx.Client, path: str, body: object, method: str = "POST") -> httpx.Response:
    return api.request(method, f"/api/v1{path}", json=body)
