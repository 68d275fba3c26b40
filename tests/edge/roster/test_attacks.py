"""The attacks on a signed list that The Update Framework names, by who holds the broker, one test each.

Of all of them the roster in use must come out unharmed, and where something was refused the device says why.
"""

import asyncio
from pathlib import Path
from random import Random

import msgspec
import pytest

from contract import codec
from contract.decide import DAY_MS, HOUR_MS, Trust
from contract.messages import MAX_NUMBER, MAX_PAYLOAD_BYTES
from contract.sealing import Purpose, RosterKey, RosterVerifier, page_hash, statement
from edge.roster.sync import MAX_HELD_BYTES, MAX_WAIT_S
from tests.contract.paging import paginate
from tests.edge.support.rosters import DEVICE, NOW_MS, ROSTER_KEY, SITE, Published, publish, row, seal
from tests.edge.support.syncing import Bench, run

STANDS = publish(range(500), 3)


async def adopted(bench: Bench, published: Published = STANDS) -> None:
    bench.publish(published)
    await asyncio.sleep(5)
    assert bench.store.number == published.manifest.number


async def unharmed(bench: Bench, why: str) -> None:
    """Some time later the old roster is in use, and the device says why no other is."""
    await asyncio.sleep(2 * MAX_WAIT_S)
    assert (bench.store.number, bench.store.issued_ms, bench.sync.refused) == (3, NOW_MS, why)
    assert bench.store.newest.number == 3
    assert [each for each in range(510) if bench.knows(each)] == list(range(500))


def test_arbitrary_software_attack(path: Path) -> None:
    """Rows that the cloud never signed: in a page of its own making, and in a manifest without its seal."""

    async def story(bench: Bench) -> None:
        await adopted(bench)
        (forged,) = paginate([row(501)])
        bench.sync.page(forged)
        honest = STANDS.manifest
        manifest = msgspec.structs.replace(honest, number=4, pages=[page_hash(forged)], count=1)
        bench.sync.manifest(seal(manifest, RosterKey.generate()))
        await unharmed(bench, "bad_seal")

    run(path, story)


def test_rollback_attack(path: Path) -> None:
    """An older manifest with a good seal, from before a card was revoked; also after a start."""
    older = publish(range(510), 2, issued_ms=NOW_MS - HOUR_MS)

    async def story(bench: Bench) -> None:
        bench.blobs |= older.blobs
        await adopted(bench)
        bench.sync.manifest(older.payload)
        await unharmed(bench, "older_version")

    async def after_a_start(bench: Bench) -> None:
        bench.blobs |= older.blobs
        bench.sync.manifest(older.payload)
        await unharmed(bench, "older_version")

    async def after_the_store_was_lost(bench: Bench) -> None:
        bench.blobs |= older.blobs | STANDS.blobs
        bench.sync.manifest(older.payload)
        await asyncio.sleep(5)
        assert (bench.store.number, bench.sync.refused) == (0, "older_version")
        bench.publish(STANDS)
        await unharmed(bench, "")

    run(path, story)
    run(path, after_a_start)
    path.write_bytes(b"garbage" * 1000)
    run(path, after_the_store_was_lost)


def test_rollback_of_a_reinstalled_device_attack(path: Path) -> None:
    """The state folder is lost, the cloud is kept away, and an old manifest is played with its pages: the card that was
    reported lost since must not open. Neither without the time, nor when the cloud has said it."""
    older = publish(range(510), 2, issued_ms=NOW_MS - 13 * HOUR_MS)
    newest = publish(range(500), 3)

    async def story(bench: Bench) -> None:
        bench.blobs |= older.blobs | newest.blobs
        bench.sync.manifest(older.payload)
        await asyncio.sleep(2 * MAX_WAIT_S)
        assert (bench.store.number, bench.knows(509)) == (0, False)
        bench.clock.trust = Trust.SYNCED
        bench.sync.time_known()
        await asyncio.sleep(2 * MAX_WAIT_S)
        assert (bench.store.number, bench.sync.refused) == (0, "too_old")
        bench.sync.manifest(newest.payload)
        await unharmed(bench, "")

    run(path, story, Trust.UNSET)


@pytest.mark.parametrize("beyond", [{"number": MAX_NUMBER + 1}, {"number": 10**30}, {"issued_ms": 1 << 63}])
def test_number_beyond_all_others_attack(path: Path, beyond: dict[str, int]) -> None:
    """A good seal under a number that no later one exceeds, or a time that no clock reaches. Once adopted, every later
    roster would be older for ever."""
    high = msgspec.structs.replace(publish(range(510), 4).manifest, **beyond)

    async def story(bench: Bench) -> None:
        await adopted(bench)
        bench.sync.manifest(seal(high, ROSTER_KEY))
        await unharmed(bench, "malformed")
        assert bench.clock.issued == [NOW_MS]
        await adopted(bench, publish(range(500), 4))

    run(path, story)


@pytest.mark.parametrize("text", [b'{"number":281474976710657}', b"\x00" * 9, b'{"number":4,"issued_ms":9}\nAAAA'])
def test_rotten_newest_number_bars_no_roster(path: Path, text: bytes) -> None:
    async def story(bench: Bench) -> None:
        await adopted(bench)

    path.with_suffix(".newest").write_bytes(text)
    run(path, story)


def test_indefinite_freeze_attack(path: Path) -> None:
    """The same old manifest for ever. It makes no roster younger, and once expired no new device adopts it."""

    async def story(bench: Bench) -> None:
        await adopted(bench)
        for _ in range(3):
            bench.clock.at_ms += 4 * HOUR_MS
            bench.sync.manifest(STANDS.payload)
            await unharmed(bench, "")
        bench.clock.at_ms += DAY_MS
        bench.sync.manifest(STANDS.payload)
        await unharmed(bench, "expired")

    async def on_a_new_device(bench: Bench) -> None:
        bench.blobs |= STANDS.blobs
        bench.clock.at_ms = STANDS.manifest.expires_ms
        bench.sync.manifest(STANDS.payload)
        await asyncio.sleep(5)
        assert (bench.store.number, bench.sync.refused) == (0, "expired")

    run(path, story)
    run(path.with_name("new.db"), on_a_new_device)


def test_fast_forward_attack(path: Path) -> None:
    """A number so high that no honest one would ever be newer. Without the key it moves nothing."""

    async def story(bench: Bench) -> None:
        await adopted(bench)
        high = msgspec.structs.replace(STANDS.manifest, number=(1 << 63) - 1)
        body = codec.write(high)
        for payload in (codec.attach(body, codec.detach(STANDS.payload)[1]), seal(high, RosterKey.generate()), body):
            bench.sync.manifest(payload)
        bench.sync.manifest(publish(range(510), 1 << 40, issued_ms=NOW_MS - DAY_MS).payload)
        await unharmed(bench, "expired")
        await adopted(bench, publish(range(500), 4))

    run(path, story)


def test_mix_and_match_attack(path: Path) -> None:
    """Pages of one roster under the manifest of another, and a manifest made for another device."""
    other = publish(range(510), 4, device="gym-02")

    async def story(bench: Bench) -> None:
        await adopted(bench)
        newer = publish(range(500), 4, zone="UTC")
        assert newer.manifest.site_page not in STANDS.blobs
        bench.answers = lambda name: bench.sync.page(next(iter(other.blobs.values())))
        bench.sync.manifest(newer.payload)
        bench.sync.manifest(other.payload)
        await unharmed(bench, "wrong_device")
        bench.blobs |= newer.blobs
        bench.answers = bench.deliver
        await asyncio.sleep(MAX_WAIT_S)
        assert (bench.store.number, str(bench.store.zone)) == (4, "UTC")

    run(path, story)


def test_endless_data_attack(path: Path) -> None:
    """A manifest without end, and pages without number: memory stays bounded, and wanted pages still get through."""

    async def story(bench: Bench) -> None:
        await adopted(bench)
        bench.sync.manifest(b" " * (MAX_PAYLOAD_BYTES + 1))
        await unharmed(bench, "too_long")
        newer = publish(range(3000), 4)
        chance = Random(1)

        def answers(name: bytes) -> None:
            bench.deliver(name)
            for _ in range(8):
                bench.sync.page(chance.randbytes(1 << 19))
            asked = sum(len(newer.blobs[one]) for one in bench.sync._asked)
            assert bench.sync._held_bytes <= MAX_HELD_BYTES + asked

        bench.answers = answers
        await adopted(bench, newer)

    run(path, story)


def test_slow_retrieval_attack(path: Path) -> None:
    """A page a minute: the old roster serves on, the device shows how far it is, and gets there."""

    async def story(bench: Bench) -> None:
        await adopted(bench)
        newer = publish(range(1000, 2000), 4, indexed=False)
        bench.blobs |= newer.blobs
        bench.answers = lambda name: None
        bench.sync.manifest(newer.payload)
        await asyncio.sleep(1)
        lacking = [name for name in newer.blobs if name not in STANDS.blobs]
        for number, name in enumerate(lacking, 1):
            assert bench.knows(499)
            assert bench.sync.got < bench.sync.wanted == len(newer.blobs)
            bench.deliver(name)
            await asyncio.sleep(MAX_WAIT_S)
            if number < len(lacking):
                assert bench.sync.got == len(newer.blobs) - len(lacking) + number
        assert bench.store.number == 4

    run(path, story)


def test_wrong_key_role_attack(path: Path) -> None:
    """The right key for the wrong purpose, site or device; and another key for the right ones."""

    async def story(bench: Bench) -> None:
        await adopted(bench)
        body = codec.write(publish(range(510), 4).manifest)
        wrong = [
            *(statement(purpose, SITE, DEVICE, body) for purpose in Purpose if purpose is not Purpose.ROSTER),
            statement(Purpose.ROSTER, "other-estate", DEVICE, body),
            statement(Purpose.ROSTER, SITE, "gym-02", body),
            body,
        ]
        for stated in wrong:
            bench.sync.manifest(codec.attach(body, ROSTER_KEY.sign(stated)))
        stranger = RosterKey.generate()
        right = statement(Purpose.ROSTER, SITE, DEVICE, body)
        bench.sync.manifest(codec.attach(body, stranger.sign(right)))
        assert not RosterVerifier(stranger.public()).accepts(right, ROSTER_KEY.sign(right))
        await unharmed(bench, "bad_seal")

    run(path, story)


def test_attacks_in_turn_with_good_manifests_are_told_but_clear_up(path: Path) -> None:
    async def story(bench: Bench) -> None:
        await adopted(bench)
        for _ in range(3):
            bench.sync.manifest(b"rubbish")
            assert bench.sync.refused == "malformed"
            bench.sync.manifest(STANDS.payload)
            assert bench.sync.refused == ""
        assert bench.told == [(3, ""), *[(3, "malformed"), (3, "")] * 3]

    run(path, story)
