"""The cloud by the table of commands: one route for all, forms and words without a line of their own."""

import re
from typing import Any

import pytest

from cloud.web.auth import Right
from contract.commands import COMMANDS, CommandType
from contract.phrases import Phrase
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.orders import GYM, REASON, calls, commands
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

RING = CommandType(
    op="ring_bell",
    scope="point",
    right="doors",
    words=Phrase("响铃", "Ring the bell"),
    audit=Phrase("远程响铃", "Rang a bell from afar"),
    archetypes=frozenset({"portal"}),
)


def test_every_right_of_the_table_is_known() -> None:
    assert {Right(known.right) for known in COMMANDS.values()} == {Right.DOORS, Right.DEVICES, Right.PEOPLE}


def test_new_command_needs_no_line_of_the_cloud(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row of the table gives a form at every door, an address, its words in lists and in the audit."""
    monkeypatch.setitem(COMMANDS, RING.op, RING)
    town.beats(GYM)
    with town.visit("gate") as guard:
        page = guard.get("/doors").text
        assert f'action="/commands/ring_bell/{GYM}"' in page
        guard.submit(f"/commands/ring_bell/{GYM}", "/doors", back="/doors", reason=REASON)
        assert [(one.op, one.point) for one in commands(town)] == [("ring_bell", GYM)]
        assert words(guard.get("/doors").text).count("Ring the bell") > page.count("Ring the bell")
        assert calls(guard, "/api/v1/commands", op="ring_bell", place=GYM, reason=REASON)[0] == 202
    with town.visit("admin", language="zh") as admin:
        assert "远程响铃" in words(admin.get("/audit").text)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"op": "explode", "place": GYM}, 422, "there is no command explode"),
        ({"op": "", "place": GYM}, 422, "there is no command"),
        ({"op": "open_once", "place": "nowhere"}, 404, "there is no such point"),
        ({"op": "session_stop", "place": GYM, "session": "0" * 16}, 422, "a turnstile has no command session_stop"),
        ({"op": "open_once", "place": GYM, "slowly": True}, 422, "open_once has no argument slowly"),
        ({"op": "drill", "place": "gym", "on": "perhaps"}, 422, "drill: Expected `bool`"),
        ({"op": "drill", "place": "gym"}, 422, "drill: Object missing required field `on`"),
        ({"op": "clock_set", "place": GYM, "now_ms": -1}, 422, "clock_set: Expected `int` >= 0"),
        ({"op": "session_start", "place": "phone-1", "card": True}, 422, "session_start: card"),
        ({"op": "session_start", "place": "phone-1", "digest": "00" * 16}, 422, "session_start: card"),
        ({"op": "session_start", "place": "phone-1", "card": 999}, 404, "there is no such card"),
    ],
)
def test_call_against_the_table_has_an_answer(town: Town, body: dict[str, Any], status: int, message: str) -> None:
    RidersHub(town)
    with town.visit("admin") as admin:
        code, told = calls(admin, "/api/v1/commands", **body, reason=REASON)
    assert (code, told["message"][: len(message)]) == (status, message)
    assert commands(town) == []


def test_address_of_a_device_takes_only_its_commands(town: Town) -> None:
    with town.visit("admin") as admin:
        assert calls(admin, f"/api/v1/devices/{GYM}/commands", op="open_once", reason=REASON)[0] == 422


def test_right_is_that_of_the_command(town: Town) -> None:
    """A guard opens doors and restarts nothing, at whichever address."""
    town.beats(GYM)
    with town.visit("gate") as guard:
        assert calls(guard, "/api/v1/commands", op="reboot", place=GYM, reason=REASON)[0] == 403
        assert guard.submit(f"/commands/reboot/{GYM}", "/account", reason=REASON).status_code == 403
        assert calls(guard, "/api/v1/commands", op="open_once", place=GYM, reason=REASON)[0] == 202
    assert [one.op for one in commands(town)] == ["open_once"]


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example"])
def test_form_leads_back_to_our_pages_only(town: Town, back: str) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        answer = guard.submit(f"/commands/open_once/{GYM}", "/account", back=back, reason=REASON)
    assert re.fullmatch(r"/\?order=[0-9a-f]{32}", answer.headers["location"])
