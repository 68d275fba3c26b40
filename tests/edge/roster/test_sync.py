import asyncio
from pathlib import Path

import pytest

from contract import codec
from contract.decide import Trust
from contract.messages import MAX_PAYLOAD_BYTES, MAX_WANTED_PAGES
from contract.sealing import RosterKey
from edge.roster.sync import MAX_HELD_BYTES, MAX_WAIT_S, WAIT_S
from tests.edge.support.rosters import DAY_MS, GOOD, NOW_MS, publish
from tests.edge.support.syncing import Bench, run


def test_a_first_roster_is_fetched_page_by_page_and_adopted(path: Path) -> None:
    async def story(bench: Bench) -> None:
        published = publish(range(20_000))
        bench.publish(published)
        await asyncio.sleep(5)
        assert bench.store.number == 1
        assert bench.told == [(1, "")]
        assert bench.clock.issued == [NOW_MS]
        assert bench.knows(4711)
        assert not bench.knows(20_000)
        asked = [name for _, names in bench.asked for name in names]
        assert sorted(asked) == sorted(published.blobs)
        assert max(len(names) for _, names in bench.asked) == MAX_WANTED_PAGES

    run(path, story)


def test_a_change_whose_page_comes_ahead_of_its_manifest_asks_for_nothing(path: Path) -> None:
    async def story(bench: Bench) -> None:
        first, second = publish(range(1000)), publish(range(1, 1000), 2)
        bench.publish(first)
        await asyncio.sleep(5)
        asked = len(bench.asked)
        for name in second.blobs.keys() - first.blobs.keys():
            bench.sync.page(second.blobs[name])
        bench.publish(second)
        await asyncio.sleep(0.01)
        assert bench.store.number == 2
        assert not bench.knows(0)
        assert len(bench.asked) == asked

    run(path, story)


def test_the_same_manifest_again_is_no_news(path: Path) -> None:
    async def story(bench: Bench) -> None:
        published = publish(range(10))
        for _ in range(3):
            bench.publish(published)
            await asyncio.sleep(5)
        assert bench.told == [(1, "")]

    run(path, story)


def test_the_same_roster_issued_again_is_younger(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.publish(publish(range(10)))
        await asyncio.sleep(5)
        asked = len(bench.asked)
        bench.publish(publish(range(10), issued_ms=NOW_MS + 500))
        await asyncio.sleep(5)
        assert bench.store.issued_ms == NOW_MS + 500
        assert len(bench.asked) == asked

    run(path, story)


OTHER_KEY = RosterKey.from_bytes(bytes(32))
REFUSALS = {
    "bad_seal": [
        publish(range(10), 5, key=OTHER_KEY).payload,
        GOOD.payload.replace(b'"number":5', b'"number":6'),
        codec.attach(codec.detach(GOOD.payload)[0], b""),
    ],
    "wrong_device": [publish(range(10), 5, device="gym-02").payload],
    "older_version": [publish(range(10), 2).payload, publish(range(10), 3, issued_ms=NOW_MS - 1).payload],
    "expired": [publish(range(10), 5, issued_ms=NOW_MS - DAY_MS).payload],
    "malformed": [b"", b"{}", b"\xff\n\xff"],
    "too_long": [bytes(MAX_PAYLOAD_BYTES + 1)],
}


@pytest.mark.parametrize(
    ("why", "payload"), [(why, payload) for why, payloads in REFUSALS.items() for payload in payloads]
)
def test_a_manifest_that_must_not_be_adopted_leaves_the_old_roster_and_says_why(
    path: Path, why: str, payload: bytes
) -> None:
    async def story(bench: Bench) -> None:
        bench.publish(publish(range(100), 3))
        await asyncio.sleep(5)
        bench.blobs |= GOOD.blobs
        for _ in range(2):
            bench.sync.manifest(payload)
            await asyncio.sleep(5)
        assert bench.told == [(3, ""), (3, why)]
        assert bench.sync.refused == why
        assert bench.knows(99)
        assert bench.clock.issued == [NOW_MS]

    run(path, story)


def test_after_a_refusal_a_good_manifest_is_adopted_and_the_reason_is_gone(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.sync.manifest(b"{}")
        assert bench.sync.refused == "malformed"
        bench.publish(GOOD)
        await asyncio.sleep(5)
        assert (bench.store.number, bench.sync.refused) == (5, "")

    run(path, story)


def test_with_an_unset_clock_expiry_is_judged_by_the_newest_issue_seen(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.publish(publish(range(10), 4))
        await asyncio.sleep(5)
        bench.clock.trust, bench.clock.at_ms = Trust.UNSET, NOW_MS + 100 * DAY_MS
        bench.publish(GOOD)
        await asyncio.sleep(5)
        assert bench.store.number == 5
        bench.clock.trust = Trust.SYNCED
        bench.publish(publish(range(10), 6))
        assert bench.sync.refused == "expired"

    run(path, story)


def test_a_first_roster_waits_for_the_time(path: Path) -> None:
    """Its seal says how late it is at least; that may be what the clock lacks to believe the cloud's next word."""

    async def story(bench: Bench) -> None:
        bench.publish(publish(range(10), 4))
        bench.publish(GOOD)
        bench.publish(publish(range(10), 4))
        await asyncio.sleep(1)
        assert (bench.store.number, bench.asked, bench.sync.refused) == (0, [], "")
        assert (bench.clock.issued, bench.times_asked) == ([NOW_MS, NOW_MS], 2)
        await asyncio.sleep(24 * 3600)
        assert 140 < bench.times_asked < 170
        bench.sync.time_known()
        await asyncio.sleep(5)
        assert bench.store.number == 0
        bench.clock.trust = Trust.SYNCED
        bench.sync.time_known()
        await asyncio.sleep(5)
        assert (bench.store.number, bench.told) == (5, [(5, "")])
        bench.sync.time_known()
        assert bench.told == [(5, "")]

    run(path, story, Trust.UNSET)


def test_pages_that_make_no_roster_leave_the_old_one(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.publish(publish(range(100), 3))
        await asyncio.sleep(5)
        bench.publish(publish(range(50), 4, count=51))
        await asyncio.sleep(5)
        assert bench.told == [(3, ""), (3, "malformed")]
        assert bench.knows(99)

    run(path, story)


def test_pages_that_do_not_come_are_asked_for_again_ever_more_patiently(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.answers = lambda name: None
        bench.publish(publish(range(10)))
        await asyncio.sleep(300)
        pauses = [later - earlier for (earlier, _), (later, _) in zip(bench.asked, bench.asked[1:], strict=False)]
        assert pauses[:5] == [pytest.approx(WAIT_S * 2**turn) for turn in range(5)]
        assert pauses[5:] == [pytest.approx(MAX_WAIT_S)] * len(pauses[5:])
        bench.answers = bench.deliver
        await asyncio.sleep(MAX_WAIT_S)
        assert bench.store.number == 1

    run(path, story)


def test_a_manifest_told_again_after_a_break_asks_at_once(path: Path) -> None:
    async def story(bench: Bench) -> None:
        published = publish(range(10))
        bench.answers = lambda name: None
        bench.publish(published)
        await asyncio.sleep(100)
        bench.answers = bench.deliver
        bench.publish(published)
        await asyncio.sleep(0.01)
        assert bench.store.number == 1

    run(path, story)


def test_a_newer_manifest_takes_the_place_of_one_that_is_still_being_fetched(path: Path) -> None:
    async def story(bench: Bench) -> None:
        first, second = publish(range(1000), 1), publish(range(500, 1500), 2)
        bench.answers = lambda name: None
        bench.publish(first)
        await asyncio.sleep(1)
        bench.answers = bench.deliver
        bench.publish(second)
        await asyncio.sleep(0.1)
        assert bench.told == [(2, "")]
        assert bench.knows(1499)
        assert not bench.knows(499)

    run(path, story)


def test_an_older_manifest_does_not_call_off_the_newer_one_that_is_being_fetched(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.publish(publish(range(1000), 2))
        bench.publish(publish(range(10), 1))
        await asyncio.sleep(5)
        assert bench.store.number == 2

    run(path, story)


def test_pages_nobody_asked_for_are_kept_only_up_to_a_bound(path: Path) -> None:
    async def story(bench: Bench) -> None:
        for number in range(50):
            bench.sync.page(number.to_bytes(4, "big") * 50_000)
        assert bench.sync._held_bytes == sum(map(len, bench.sync._held.values())) <= MAX_HELD_BYTES
        bench.publish(GOOD)
        await asyncio.sleep(5)
        assert bench.store.number == 5

    run(path, story)
