"""What arrives is stored once and in order, acknowledged, and moves what is known of its device."""

import gc
from pathlib import Path

import msgspec
import pytest

from cloud.charging.tables import sessions
from cloud.devices.registry import roster_readers
from cloud.ingest.ingest import Ingest, no_collection
from cloud.keys.keys import KeyFolder
from cloud.reactions import REACTIONS
from cloud.store.revision import revision
from cloud.store.schema import event_series, events
from contract import codec
from contract.decide import Trust
from contract.events import encode_event
from contract.messages import Ack, Beat, Live, RosterState
from contract.sealing import SyncKey
from tests.cloud.support.ingest_world import NOW_MS, World, arrived
from tests.cloud.support.sender import JOURNAL, SITE, Sender, event


def test_a_batch_is_stored_row_by_row_and_acknowledged(world: World, gym: Sender) -> None:
    gym.keep(encode_event(event(1, "access.granted", holder="0011223344556677", reason="allowed")))
    gym.keep(encode_event(event(2, "access.passed", holder="button")))
    world.take(gym, gym.events(1, 2))
    assert world.acks() == [Ack(JOURNAL, 2, NOW_MS)]
    assert world.stored() == gym.rows
    first, second = world.rows(events)
    granted, passed = world.rows(event_series)
    assert (first.seq, first.arrival, first.series, second.series) == (1, 1, granted.id, passed.id)
    assert (granted.kind, granted.point, granted.reason) == ("access.granted", "gym-turnstile", "allowed")
    assert first.holder == bytes.fromhex("0011223344556677")
    assert (second.holder, passed.reason, second.replay) == (None, "", False)
    assert (second.at_ms, second.mono_ms, second.boot) == (1_700_000_000_002, 0, ""), "its clock was known"
    assert world.device().heard_ms == second.received_ms == NOW_MS
    assert world.commits == 1


def test_a_charging_session_is_one_row_however_its_events_are_cut_and_sent_again(world: World, gym: Sender) -> None:
    name = "00112233aabbccdd"
    gym.keep(encode_event(event(1, "session.started", session=name, holder="0011223344556677", by="card")))
    gym.keep(encode_event(event(2, "session.progress", session=name, energy_wh=5, ms=60_000)))
    gym.keep(encode_event(event(3, "session.ended", session=name, energy_wh=9, ms=90_000, reason="full")))
    world.take(gym, gym.events(1, 2))
    world.take(gym, gym.events(1, 3))
    world.take(gym, gym.events(1, 3))
    (row,) = world.rows(sessions)
    assert (row.session, row.energy_wh, row.lasted_ms, row.reason) == (name, 9, 90_000, "full")
    assert (row.holder, row.point) == (bytes.fromhex("0011223344556677"), "gym-turnstile")


def test_readings_of_this_moment_are_shown_and_a_lie_about_them_is_kept_apart(world: World, gym: Sender) -> None:
    world.take(gym, codec.write(Live(NOW_MS, {"phone-1": {"power_w": 9}})), channel="live")
    assert (world.device().live, world.device().live_ms) == ({"phone-1": {"power_w": 9}}, NOW_MS)
    world.take(
        gym, b'{"at_ms": 1, "points": ["phone-1"]}', codec.write(Live(1, {"p": {"x": "y" * 70_000}})), channel="live"
    )
    assert world.reasons() == ["malformed", "malformed"]
    assert world.device().live == {"phone-1": {"power_w": 9}}


def test_batches_taken_at_once_are_acknowledged_together(world: World, gym: Sender) -> None:
    door = world.add(Sender("door-1"))
    gym.record(3)
    door.record(2)
    world.ingest.commit(
        [
            arrived("gym-1", "events", gym.events(1, 2)),
            arrived("door-1", "events", door.events(1, 2)),
            arrived("gym-1", "events", gym.events(3, 3)),
        ]
    )
    assert [ack.upto for ack in world.acks()] == [3, 2]
    rows = sorted(world.rows(events.c.journal_id, events.c.seq, events.c.arrival))
    assert [row.arrival for row in rows] == [1, 2, 5, 3, 4]


def test_rows_sent_again_are_acknowledged_and_stored_once(world: World, gym: Sender) -> None:
    gym.record(6)
    world.take(gym, gym.events(1, 4), gym.events(1, 2), gym.events(3, 4))
    world.take(gym, gym.events(2, 6))
    assert [ack.upto for ack in world.acks()] == [4, 6]
    assert world.stored() == gym.rows
    assert world.reasons() == []


def test_rows_that_come_too_early_are_asked_for_again(world: World, gym: Sender) -> None:
    gym.record(5)
    world.take(gym, gym.events(4, 5))
    world.take(gym, gym.events(4, 5), gym.events(1, 3))
    assert world.acks() == [Ack(JOURNAL, 0, NOW_MS, rewind=True), Ack(JOURNAL, 3, NOW_MS, rewind=True)]
    world.take(gym, gym.events(4, 5))
    assert world.acks() == [Ack(JOURNAL, 5, NOW_MS)]
    assert world.stored() == gym.rows


def test_rows_that_came_early_and_again_are_not_asked_for(world: World, gym: Sender) -> None:
    gym.record(5)
    world.take(gym, gym.events(4, 5), gym.events(1, 3), gym.events(4, 5))
    assert world.acks() == [Ack(JOURNAL, 5, NOW_MS)]


def test_a_cloud_that_is_back_tells_each_device_how_far_it_is(world: World, gym: Sender) -> None:
    gym.record(3)
    world.take(gym, gym.events(1, 3))
    world.acks()
    world.restarted().acknowledge_all()
    (ack,) = world.acks()
    assert (ack.journal, ack.upto, ack.rewind) == (JOURNAL, 3, True)


def test_whoever_says_that_the_broker_is_back_does_not_wait_for_the_database(world: World, gym: Sender) -> None:
    gym.record(1)
    world.take(gym, gym.events(1, 1))
    world.acks()
    ingest = world.restarted()
    ingest.look_soon()
    assert world.acks() == []
    ingest.start()
    ingest.stop()
    assert [ack.upto for ack in world.acks()] == [1]


def test_telling_that_fails_costs_no_event(world: World, gym: Sender, caplog: pytest.LogCaptureFixture) -> None:
    gym.record(2)
    world.take(gym, gym.events(1, 1))

    def refuse(_topic: str, _payload: bytes) -> None:
        raise RuntimeError

    ingest = world.restarted(send=refuse)
    ingest.look_soon()
    ingest.start()
    ingest.enqueue(arrived(gym.name, "events", gym.events(2, 2)))
    ingest.stop()
    assert "were not told" in caplog.text
    assert world.stored() == gym.rows


def test_events_of_one_and_the_same_millisecond_are_all_stored(world: World, gym: Sender) -> None:
    """Time is no key: a clock may stand still, and jump back."""
    for seq in range(1, 4):
        gym.keep(encode_event(msgspec.structs.replace(event(seq), at_ms=NOW_MS, mono_ms=7)))
    gym.keep(encode_event(msgspec.structs.replace(event(4), at_ms=NOW_MS - 86_400_000, mono_ms=7)))
    world.take(gym, gym.events(1, 4))
    assert world.stored() == gym.rows


def test_a_new_journal_begins_at_the_start_of_a_chain(world: World, gym: Sender) -> None:
    gym.links = [b"\1" * 32]
    gym.record(2)
    world.take(gym, gym.events(1, 2))
    assert world.acks() == [Ack(JOURNAL, 0, NOW_MS, fork=True)]
    assert world.stored() == []


def test_a_device_without_a_sync_key_is_stored_and_said_so(
    world: World, gym: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    (world.keys.folder / "sync" / "gym-1.key").unlink()
    world.keys = KeyFolder(world.keys.folder)
    world.ingest = world.restarted()
    gym.record(1)
    world.take(gym, gym.events(1, 1))
    assert world.stored() == gym.rows
    assert "no sync key" in caplog.text


def test_a_state_and_a_will_move_presence(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4), channel="state")
    assert (world.device().online, world.device().connection) == (True, 4)
    world.take(gym, gym.will(3), channel="state")
    assert world.device().online
    world.now_ms += 1000
    world.take(gym, gym.will(4), channel="state")
    assert not world.device().online
    assert world.device().heard_ms == NOW_MS


def test_an_older_connections_state_is_ignored_after_a_restart_too(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4), channel="state")
    world.ingest = world.restarted()
    world.take(gym, gym.state(3, online=False), channel="state")
    assert world.device().online


def test_two_machines_under_one_name_are_noticed_and_a_restart_is_not(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4, boot="b7"), channel="state")
    world.take(gym, gym.state(5, boot="b8"), channel="state")
    world.take(gym, gym.state(6, boot="b8"), channel="state")
    world.take(gym, gym.state(4, boot="b7"), channel="state", retained=True)
    world.take(gym, gym.state(4, boot="b7"), channel="state")
    world.take(gym, gym.state(6, boot="", online=False), channel="state")
    assert world.reasons() == []
    world.take(gym, gym.state(7, boot="b7"), channel="state")
    world.take(gym, gym.state(8, boot="b8"), channel="state")
    assert world.reasons() == ["two_devices", "two_devices"]


def test_a_will_that_claims_to_be_online_and_a_foreign_seal_are_refused(world: World, gym: Sender) -> None:
    claim = gym.state(9).partition(b"\n")[0]
    thief = Sender().state(9)
    world.take(gym, claim, thief, channel="state")
    assert world.reasons() == ["bad_seal", "bad_seal"]
    assert not world.device().online


def test_a_state_that_the_broker_kept_is_not_a_sign_of_life(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4), channel="state", retained=True)
    assert world.device().online
    assert world.device().heard_ms is None


def test_a_beat_is_kept_with_its_time(world: World, gym: Sender) -> None:
    beat = Beat(1, 2, Trust.SYNCED, 10, 7, 900, 0, {"gym-turnstile": "jam"})
    world.take(gym, codec.write(beat), channel="beat")
    device = world.device()
    assert (device.waiting, device.beat_ms, device.heard_ms) == (7, NOW_MS, NOW_MS)
    assert device.beat["faults"] == {"gym-turnstile": "jam"}


def test_an_ack_reads_as_it_always_did(world: World, gym: Sender, fixtures: Path) -> None:
    gym.record(2)
    key = SyncKey(bytes(range(32)))
    send: list[tuple[str, bytes]] = []
    world.ingest = Ingest(
        world.store,
        site=SITE,
        reactions=REACTIONS,
        sync=lambda _: key,
        send=lambda topic, payload: send.append((topic, payload)),
        on_commit=world.count_commit,
        clock=lambda: NOW_MS,
    )
    world.take(gym, gym.events(1, 2))
    assert send == [("hg/v1/sunny-court/gym-1/dn/ack", (fixtures / "ack-3.txt").read_bytes())]


@pytest.mark.parametrize("name", ["ack.txt", "ack-2.txt"])
def test_ack_of_an_older_cloud_is_read(fixtures: Path, name: str) -> None:
    body, _ = codec.detach((fixtures / name).read_bytes())
    assert codec.read(body, Ack) == Ack(JOURNAL, 2, NOW_MS, fork=False, later_ms=0)


def test_registering_a_device_is_news_for_rosters(world: World, gym: Sender) -> None:
    with world.store.reading() as connection:
        before = revision(connection)
    world.add(Sender("door-1"))
    with world.store.reading() as connection:
        assert revision(connection) > before


def test_collector_rests_during_a_transaction_only() -> None:
    with pytest.raises(ZeroDivisionError), no_collection():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()


def test_state_says_which_pages_its_device_reads(world: World, gym: Sender) -> None:
    """The publisher is told once, and not with every state. Software that says nothing reads version 1."""
    told: list[int] = []

    def look() -> None:
        with world.store.reading() as connection:
            told.append(roster_readers(connection)[gym.name].version)

    world.store.on_roster_change = look
    for connection, reads in enumerate([None, (1, 2), (1, 2), (1, 2, 9), (9,), (1, 2), None], 1):
        roster = None if reads is None else RosterState(reads=reads)
        world.take(gym, gym.state(connection, roster), channel="state")
    world.take(gym, gym.will(9), channel="state")
    assert told == [1, 2, 1, 2, 1]
    assert world.reasons() == []
