"""Reports of health that no device sent, or that a stolen one signs: no page of the console falls over them."""

import pytest
from msgspec import structs

from cloud.overview.metrics import Metrics
from contract import codec
from contract.decide import Trust
from contract.messages import Beat, RosterState, State
from contract.sealing import Purpose, statement
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

GYM = "gym-turnstile"
PAGES = ("/", "/doors", f"/devices/{GYM}", "/quarantine", "/rosters", "/api/v1/devices", "/api/v1/events")
PLAIN = Beat(0, 0, Trust.SYNCED, 0, 0, 0, 0)
FAULTS = {"<script>": "\x00", "": "", f"{GYM}.": "\ud7ff", "a" * 5000: "b" * 5000, "clock": "%(count)s {{ 7 * 7 }}"}
LIES = [
    structs.replace(PLAIN, **{field: number})
    for field in ("at_ms", "uptime_ms", "journal_rows", "waiting", "oldest_ms", "unlogged", "clock_error_ms")
    for number in (-1, -(1 << 63), (1 << 63) - 1, 1 << 200)
]


def test_no_beat_breaks_a_page(town: Town) -> None:
    town.beats(GYM)
    for beat in [*LIES, structs.replace(PLAIN, faults=FAULTS)]:
        town.arrives(GYM, "beat", codec.write(beat))
        all_pages_stand(town)


@pytest.mark.parametrize(
    "state",
    [
        State(True, 2, boot="\x00", software="<script>", config_hash="%s", points={GYM: {}}),
        State(True, 2, points={GYM: {"phase": ["open"], "mode": 7, "faults": "all", "shown": {}}, "": {}}),
        State(True, (1 << 63) - 1, roster=RosterState(1, -(1 << 70), 1 << 70, "<b>", 1 << 70, 0)),
    ],
    ids=range(3),
)
def test_no_state_breaks_a_page(town: Town, state: State) -> None:
    sender = town.senders[GYM]
    body = codec.write(state)
    town.arrives(GYM, "state", codec.attach(body, sender.key.sign(statement(Purpose.STATE, SITE, GYM, body))))
    all_pages_stand(town)


def all_pages_stand(town: Town) -> None:
    with town.visit("admin") as visitor:
        for page in PAGES:
            answer = visitor.get(page)
            assert answer.status_code == 200, (page, answer.text[:300])
            assert "<script>" not in answer.text or page.startswith("/api/"), page
    assert town.app.state.services[Metrics].text()
