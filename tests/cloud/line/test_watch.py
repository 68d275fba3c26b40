"""Every message of the contract can be read by a person, and none stops the watching."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.line.broker import Arrived
from cloud.line.watch import describe
from contract import codec, topics
from contract.decide import Tier, Trust
from contract.messages import Ack, Beat, Manifest, Want
from contract.roster import WHOLE, Row, pack_page
from contract.site_page import SitePage, pack_site
from tests.cloud.support.sender import JOURNAL, SITE, Sender
from tests.contract import golden
from tests.contract.golden_pages import INDEX_PAGE

CHANNELS = (*topics.UP_CHANNELS, *topics.DOWN_CHANNELS)


def passing(channel: str, payload: bytes) -> Arrived:
    make = topics.up if channel in topics.UP_CHANNELS else topics.down
    topic = topics.parse(make(SITE, "gym-1", channel))
    assert topic is not None
    return Arrived(topic, payload, retained=False)


def test_a_batch_is_shown_with_its_events() -> None:
    gym = Sender()
    gym.record(1)
    gym.keep(b"poison")
    shown = describe(passing("events", gym.events(1, 2)))
    assert (shown["device"], shown["way"], shown["sealed"]) == ("gym-1", "up", True)
    first, second = shown["message"]["events"]
    assert first["data"] == {"reason": "unknown_credential"}
    assert second["bytes"] == 6
    assert shown["message"]["journal"] == JOURNAL


SOUND = {
    "state": Sender().state(1),
    "beat": codec.write(Beat(1, 2, Trust.SYNCED, 1, 2, 3, 0)),
    "want": codec.write(Want([b"\1" * 16])),
    "ack": codec.attach(codec.write(Ack(JOURNAL, 1, 2)), b"seal"),
    "roster": codec.attach(codec.write(Manifest("gym-1", 1, 2, 3, b"\1" * 16, [], 0)), b"seal"),
    **{
        channel: codec.attach(golden.payload(f"{channel}-1.json"), b"seal")
        for channel in ("config", "reported", "command", "result", "renew", "certificate")
    },
    "page": pack_page(WHOLE, [Row(b"\2" * 16, 0, b"\3" * 8, Tier.GUEST)]),
}


@pytest.mark.parametrize("channel", SOUND)
def test_each_channel_is_read(channel: str) -> None:
    shown = describe(passing(channel, SOUND[channel]))
    assert "message" in shown
    json.dumps(shown)


def test_hashes_are_shown_in_hex_by_kind() -> None:
    assert describe(passing("want", SOUND["want"]))["message"]["pages"] == ["01" * 16]
    assert describe(passing("page", SOUND["page"]))["message"] == {"prefix": "00000000/0", "rows": 1}
    index = describe(passing("page", INDEX_PAGE))
    assert index["message"] == {"prefix": "80000000/1", "pages": 3, "rows": 4213}
    site = describe(passing("page", pack_site(SitePage("Asia/Shanghai", {}, [{}]))))
    assert site["message"]["zone"] == "Asia/Shanghai"


@given(channel=st.sampled_from(CHANNELS), payload=st.binary(max_size=200))
def test_no_bytes_whatever_stop_it(channel: str, payload: bytes) -> None:
    json.dumps(describe(passing(channel, payload)))
