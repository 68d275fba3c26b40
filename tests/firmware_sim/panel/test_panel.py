"""The panel's page and buttons over HTTP, with sample boards behind it. What moves is tested in a browser."""

import asyncio
import html
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.phrases import Phrase
from edge.config.kinds import add_kinds
from firmware_sim import parts
from firmware_sim.panel import app as panel_app
from firmware_sim.panel.app import Panel, create_panel
from firmware_sim.time.clock import run_real
from tests.firmware_sim.support.panel_world import MEMBER, PORTALS, STRANGER, SampleWorld
from tests.scenarios.fountain import write_fountain

PATIENCE_S = 30.0
URL = "http://127.0.0.1:8401"
SCRIPT = {"accept": "application/json"}
GYM, GATE = "/devices/gym-turnstile", "/devices/east-gate"

Story = Callable[[SampleWorld, httpx.AsyncClient], Coroutine[Any, Any, None]]


def with_a_panel(tmp_path: Path, story: Story, samples: Mapping[str, Phrase] = PORTALS) -> None:
    async def main() -> None:
        world = SampleWorld(tmp_path, samples)
        await world.open()
        transport = httpx.ASGITransport(app=create_panel(world.devices, world.cards))
        try:
            async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(transport=transport, base_url=URL) as client:
                await story(world, client)
        finally:
            await world.close()

    run_real(main())


def order(**order: Any) -> dict[str, str]:
    return {"order": json.dumps(order)}


def tap(card: str, reader: str) -> dict[str, str]:
    return {**order(do="tap_and_walk", reader=reader, card="{card}"), "card": card}


async def said(client: httpx.AsyncClient, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    answer = await client.post(path, data=form, headers=SCRIPT)
    return answer.status_code, answer.json()["said"]


def test_the_page_names_every_button_by_what_it_does_and_where(tmp_path: Path) -> None:
    async def story(_world: SampleWorld, client: httpx.AsyncClient) -> None:
        page = html.unescape((await client.get("/")).text)
        for name in (
            "Tap · in: Yearly member at gym-turnstile",
            "Press the exit button of east-gate",
            "Push without a card: east-gate",
            "Fire alarm of gym",
        ):
            assert f'aria-label="{name}"' in page
        assert page.count('role="switch"') == 2 * 3

    with_a_panel(tmp_path, story)


def test_another_kind_is_drawn_by_what_its_part_tells(tmp_path: Path) -> None:
    """A kind of a folder has no drawing: its part is told in words, and cards are held to its readers."""

    async def story(world: SampleWorld, client: httpx.AsyncClient) -> None:
        page = html.unescape((await client.get("/?lang=zh")).text)
        assert "饮水机" in page
        assert '<dt>升</dt> <dd data-fact="litres">0.0</dd>' in page
        assert "装满水池" in page
        assert (await said(client, "/devices/fountain/order", tap(MEMBER, "fountain.in")))[0] == 200
        fill = order(do="fill", point="fountain")
        assert await said(client, "/devices/fountain/order", fill) == (200, "完成。")
        assert (world.devices["fountain"].hardware.view("fountain") or {})["full"]

    sample = write_fountain(tmp_path)
    add_kinds([tmp_path], parts)
    with_a_panel(tmp_path, story, {str(sample.with_suffix("")): Phrase("公园", "Park")})


def test_the_page_speaks_chinese_when_asked_and_remembers(tmp_path: Path) -> None:
    async def story(_world: SampleWorld, client: httpx.AsyncClient) -> None:
        assert "<h1>Simulated hardware</h1>" in (await client.get("/")).text
        chinese = (await client.get("/", params={"lang": "zh"})).text
        assert "<h1>模拟硬件</h1>" in chinese
        assert "健身房闸机" in chinese
        assert "<h1>模拟硬件</h1>" in (await client.get("/")).text
        client.cookies.clear()
        assert "<h1>模拟硬件</h1>" in (await client.get("/", headers={"accept-language": "zh-CN,zh"})).text

    with_a_panel(tmp_path, story)


def test_a_member_walks_through_and_a_stranger_stays_outside(tmp_path: Path) -> None:
    async def story(world: SampleWorld, client: httpx.AsyncClient) -> None:
        status, text = await said(client, f"{GYM}/order", {**tap(MEMBER, "gym-turnstile.in"), "walk": "yes"})
        assert status == 200
        assert re.fullmatch(r"Yearly member walked through\. Unlocked \d+\.\d ms after the card's last bit\.", text)
        assert (await world.devices["gym-turnstile"].control.view())["points"]["gym-turnstile"]["portal"][
            "passed_in"
        ] == 1
        outside = await said(client, f"{GATE}/order", {**tap(STRANGER, "east-gate.in"), "walk": "yes"})
        assert outside == (200, "Unknown card stayed outside.")

    with_a_panel(tmp_path, story)


def test_a_way_unlocked_by_another_is_told(tmp_path: Path) -> None:
    """A stranger who slips through behind a member has opened nothing, and the panel does not say so."""

    async def story(world: SampleWorld, client: httpx.AsyncClient) -> None:
        await said(client, f"{GATE}/order", tap(MEMBER, "east-gate.in"))
        await world.devices["east-gate"].control.wait_move("east-gate.lock", level=True, since_ns=0)
        slipped = await said(client, f"{GATE}/order", {**tap(STRANGER, "east-gate.in"), "walk": "yes"})
        assert slipped == (200, "Unknown card walked through. It was unlocked before this tap.")

    with_a_panel(tmp_path, story)


def test_the_stream_pings_where_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a page could not tell a calm panel from a frozen one."""
    monkeypatch.setattr("firmware_sim.panel.app.PING_EVERY_S", 0.0)

    async def story(world: SampleWorld, _client: httpx.AsyncClient) -> None:
        stream = Panel(world.devices, world.cards).live()
        assert [(await anext(stream)).event for _ in range(3)] == ["ping", "ping", "ping"]
        await stream.aclose()

    with_a_panel(tmp_path, story)


def test_a_card_may_be_tapped_without_walking(tmp_path: Path) -> None:
    async def story(_world: SampleWorld, client: httpx.AsyncClient) -> None:
        assert await said(client, f"{GATE}/order", tap(MEMBER, "east-gate.in")) == (200, "Yearly member was read.")
        assert await said(client, f"{GATE}/order", order(do="walk", point="east-gate")) == (
            200,
            "Somebody walked through: the way was free.",
        )

    with_a_panel(tmp_path, story)


def test_cable_and_plugs_are_pulled_and_put_back(tmp_path: Path) -> None:
    async def story(world: SampleWorld, client: httpx.AsyncClient) -> None:
        device = world.devices["east-gate"]

        def running() -> tuple[bool, bool, bool]:
            cable, agent, keeper = (plug.is_in() for plug in device.plugs.values())
            return cable, agent, keeper

        for part, left in (
            ("cable", (False, True, True)),
            ("agent", (True, False, True)),
            ("keeper", (True, True, False)),
        ):
            assert await said(client, f"{GATE}/{part}/out") == (200, "Done.")
            assert running() == left
            await said(client, f"{GATE}/{part}/out")
            assert running() == left
            await said(client, f"{GATE}/{part}/in")
            assert running() == (True, True, True)

    with_a_panel(tmp_path, story)


def test_without_scripts_a_button_leads_back_to_the_page_and_what_was_said(tmp_path: Path) -> None:
    async def story(_world: SampleWorld, client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{GATE}/order", data=order(do="press", point="east-gate"))
        assert answer.status_code == 303
        assert (
            '<output class="said" role="status">Done.</output>' in (await client.get(answer.headers["location"])).text
        )

    with_a_panel(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "form", "status", "text"),
    [
        ("/devices/cellar/order", order(do="view"), 404, "There is no such device"),
        (f"{GYM}/order", {"order": "nonsense"}, 422, "not an order"),
        (f"{GYM}/order", order(do="press", point="gym-turnstile"), 422, "no exit button"),
        (f"{GYM}/order", tap("H99:1:2", "gym-turnstile.in"), 422, "no card format 'H99'"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, path: str, form: dict[str, str], status: int, text: str) -> None:
    async def story(_world: SampleWorld, client: httpx.AsyncClient) -> None:
        given, found = await said(client, path, form)
        assert given == status
        assert text in found

    with_a_panel(tmp_path, story)


def test_a_board_that_is_gone_is_said_and_the_page_stays(tmp_path: Path) -> None:
    async def story(world: SampleWorld, client: httpx.AsyncClient) -> None:
        await world.devices["east-gate"].server.close()
        assert await said(client, f"{GATE}/order", order(do="press", point="east-gate")) == (
            503,
            "This board does not answer.",
        )
        page = await client.get("/")
        assert page.status_code == 200
        assert "East gate" in page.text

    with_a_panel(tmp_path, story)


def test_another_sites_page_presses_no_button_here(tmp_path: Path) -> None:
    async def story(world: SampleWorld, client: httpx.AsyncClient) -> None:
        async def pulled_from(origin: str) -> tuple[int, bool]:
            answer = await client.post(f"{GATE}/cable/out", headers={"origin": origin})
            return answer.status_code, not world.devices["east-gate"].plugs["cable"].is_in()

        assert await pulled_from("http://evil.example") == (403, False)
        assert await pulled_from(URL) == (303, True)
        rebound = await client.get("/", headers={"host": "evil.example"})
        assert rebound.status_code == 400

    with_a_panel(tmp_path, story)


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async def story(_world: SampleWorld, client: httpx.AsyncClient) -> None:
        page = await client.get("/")
        assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert links
        assert [link for link in links if not link.startswith(("/assets/", "?lang="))] == []
        for link in links:
            assert (await client.get(f"/{link}" if link.startswith("?") else link)).status_code == 200

    with_a_panel(tmp_path, story)


def test_a_stream_begins_with_every_device_and_goes_on_with_what_changes(tmp_path: Path) -> None:
    async def main() -> None:
        world = SampleWorld(tmp_path)
        await world.open()
        stream = Panel(world.devices, world.cards).live()
        first = [await anext(stream), await anext(stream)]
        assert {event.data["name"] for event in first} == set(world.devices)
        await world.devices["east-gate"].plugs["cable"].pull()
        later = await anext(stream)
        assert (later.event, later.data["name"], later.data["cable_in"]) == ("device", "east-gate", False)
        await stream.aclose()
        await world.close()

    run_real(main())


def test_a_viewer_too_many_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(panel_app, "MAX_VIEWERS", 0)
        world = SampleWorld(tmp_path)
        assert [event.event async for event in Panel(world.devices, world.cards).live()] == ["full"]

    run_real(main())
