"""Adoption as the operator and the device see it over HTTP: the code comes from the device, never from the page."""

import base64
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.keys.ca import open_authority
from cloud.web.operators import list_audit
from contract.adoption import Bundle, code_of, open_bundle
from contract.sealing import DeviceKey
from tests.cloud.support.town import NOW_MS, Town, Visitor

NEW = {"name": "north-gate", "label_zh": "北门", "label_en": "North gate", "zone": "estate"}


NONCE = bytes(16)


def asks(town: Town, key: DeviceKey, wiring: str = "") -> dict[str, Any]:
    with town.visit() as device:
        answer = device.post(
            "/api/v1/adoptions",
            json={"request": key.certificate_request().decode(), "nonce": NONCE.hex(), "wiring": wiring},
        )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def fetches(town: Town, asked: dict[str, Any]) -> httpx.Response:
    with town.visit() as device:
        return device.get(f"/api/v1/adoptions/{asked['id']}")


def bundle_of(answer: httpx.Response, key: DeviceKey) -> Bundle:
    assert answer.json()["state"] == "confirmed"
    return open_bundle(base64.b64decode(answer.json()["bundle"]), key)


def confirms(operator: Visitor, key: DeviceKey, **place: str) -> httpx.Response:
    return operator.submit("/adoptions", "/adoptions", code=code_of(key.public(), NONCE), **place)


def alarm(page: str) -> str:
    (said,) = re.findall(r'class="notice bad"[^>]*>([^<]*)<', page)
    return str(said)


def test_a_device_is_adopted_by_the_code_that_it_shows(town: Town) -> None:
    key = DeviceKey.generate()
    asked = asks(town, key)
    assert fetches(town, asked).json()["state"] == "waiting"
    with town.visit("office") as operator:
        page = operator.get("/adoptions").text
        assert "127.0.0.1" in page
        assert code_of(key.public(), NONCE) not in page
        assert open_authority(town.keys.folder, NOW_MS).fingerprint in page
        assert confirms(operator, key, **NEW).headers["location"] == "/adoptions?done=adopted&device=north-gate"
    bundle = bundle_of(fetches(town, asked), key)
    assert (bundle.device, bytes.fromhex(bundle.sync_key)) == ("north-gate", town.keys.sync("north-gate"))
    with town.store.reading() as connection:
        deed = list_audit(connection)[0]
    assert (deed.operator, deed.action, deed.subject) == ("office", "device.adopted", "north-gate")
    assert town.changes > 0


def test_the_page_opened_from_a_label_has_the_code_filled_in(town: Town) -> None:
    with town.visit("office") as operator:
        assert 'value="4F7K-9Q2M-T0ZX"' in operator.get("/adoptions?code=4F7K-9Q2M-T0ZX").text


def test_a_spare_takes_a_devices_place(town: Town) -> None:
    spare = DeviceKey.generate()
    asked = asks(town, spare)
    with town.visit("office") as operator:
        assert confirms(operator, spare, replace="gym-turnstile").status_code == 303
    assert bundle_of(fetches(town, asked), spare).device == "gym-turnstile"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"code": "short", **NEW}, "12 letters and digits"),
        ({"code": "0000-0000-0000", **NEW}, "No waiting device has this code"),
        ({"code": "0000-0000-0000"}, "Name a new place"),
    ],
)
def test_what_is_not_right_in_the_form_is_said_and_kept(town: Town, typed: dict[str, str], says: str) -> None:
    asks(town, DeviceKey.generate())
    with town.visit("office") as operator:
        answer = operator.submit("/adoptions", "/adoptions", **typed)
        assert answer.status_code == 422
        assert says in alarm(answer.text)
        assert f'value="{typed["code"]}"' in answer.text


@pytest.mark.parametrize("wiring", ["a = " + "9" * 5_000, "a = [\n" + "9" * 1_900 + "\n]", "a = 1979-02-30"])
def test_a_wiring_with_an_endless_number_is_adopted(town: Town, wiring: str) -> None:
    """The operator's confirmation stands: the text is kept for its device, and says nothing of points."""
    key = DeviceKey.generate()
    asked = asks(town, key, wiring)
    with town.visit("office") as operator:
        assert confirms(operator, key, **NEW).status_code == 303
    assert bundle_of(fetches(town, asked), key).wiring == wiring


@pytest.mark.parametrize("name", ["gym-turnstile", "cloud", "North Gate", "../x"])
def test_a_place_that_cannot_be_is_refused_and_the_code_stays_good(town: Town, name: str) -> None:
    key = DeviceKey.generate()
    asks(town, key)
    with town.visit("office") as operator:
        assert "cannot be given" in alarm(confirms(operator, key, name=name).text)
        assert confirms(operator, key, **NEW).status_code == 303


def test_a_refused_device_is_told(town: Town) -> None:
    asked = asks(town, DeviceKey.generate())
    with town.visit("office") as operator:
        operator.submit(f"/adoptions/{asked['id']}/refuse", "/adoptions")
    assert fetches(town, asked).json()["state"] == "refused"


def test_a_guard_adopts_nobody(town: Town) -> None:
    with town.visit("gate") as guard:
        assert guard.get("/adoptions").status_code == 403
        assert 'href="/adoptions"' not in guard.get("/").text


@pytest.mark.parametrize("request_text", ["", "no request", "x" * 10_000])
def test_a_request_that_is_none_is_refused_with_its_reason(town: Town, request_text: str) -> None:
    with town.visit() as device:
        answer = device.post("/api/v1/adoptions", json={"request": request_text, "nonce": NONCE.hex()})
        assert answer.status_code == 422
        assert "request" in answer.text


def test_requests_from_one_address_are_bounded(town: Town) -> None:
    with town.visit() as device:
        requests = [DeviceKey.generate().certificate_request().decode() for _ in range(12)]
        bodies = [{"request": request, "nonce": NONCE.hex()} for request in requests]
        answers = [device.post("/api/v1/adoptions", json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429] * 2


def test_a_request_that_has_run_out_is_gone(town: Town) -> None:
    asked = asks(town, DeviceKey.generate())
    town.now_ms += 15 * 60_000
    assert fetches(town, asked).status_code == 404


def test_a_lost_device_is_shown_with_the_cards_to_replace(town: Town) -> None:
    lost = "/devices/gym-turnstile/lost"
    with town.visit("office") as operator:
        answer = operator.submit(lost, lost, reason="torn off the wall")
        assert answer.status_code == 200
        assert "gym-turnstile is reported lost" in answer.text
        for page in ("/adoptions", "/", "/devices/gym-turnstile"):
            assert "lost since" in operator.get(page).text
        assert "decides by itself" not in operator.get("/devices/gym-turnstile").text
        assert operator.submit("/devices/no-such/lost", "/adoptions", reason="gone").status_code == 422
        assert "torn off the wall" in operator.get("/audit").text


def test_a_device_is_not_reported_lost_by_one_slip(town: Town) -> None:
    lost = "/devices/gym-turnstile/lost"
    with town.visit("office") as operator:
        assert 'action="/devices/gym-turnstile/lost"' not in operator.get("/adoptions").text
        asked = operator.get(lost).text
        assert "cannot be undone" in asked
        answer = operator.submit(lost, lost)
        assert answer.status_code == 422
        assert "Give a reason" in alarm(answer.text)
        assert operator.get("/devices/no-such/lost").status_code == 404
        assert "lost since" not in operator.get("/adoptions").text


def test_the_authority_is_shown_to_whoever_asks(town: Town, tmp_path: Path) -> None:
    with town.visit() as device:
        assert device.get("/api/v1/ca").text == open_authority(town.keys.folder, NOW_MS).certificate
