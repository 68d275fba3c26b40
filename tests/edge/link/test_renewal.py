"""A certificate is renewed in time, whatever is sent in its place; and what an operator is told of it."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cloud.keys.ca import DEVICE_LASTS_MS, Authority, open_authority, read_request
from cloud.keys.keys import KeyFolder
from contract import codec
from contract.decide import DAY_MS
from contract.messages import Certificate, Renewal
from contract.sealing import DeviceKey, DeviceVerifier, Purpose, statement
from edge.identity.credentials import Credentials
from edge.link.renewal import CertificateRenewal
from edge.link.sealed_channel import SealedChannel
from edge.machine.clock import DeviceClock
from firmware_sim.time.clock import run_virtual
from tests.edge.support.clouds import HandLink
from tests.edge.support.runtimes import runtime

SITE, GATE = "estate", "east-gate"
NOW_MS = 1_800_000_000_000


class Bench:
    """A device whose clock the test turns, an authority, and the line between them in the test's hands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "keys"
        self.folder.mkdir()
        self.authority = open_authority(KeyFolder.create(folder / "cloud").folder, NOW_MS)
        self.key = DeviceKey.generate()
        (self.folder / "ca.crt").write_text(self.authority.certificate)
        (self.folder / "certificate.pem").write_text(self.issue(NOW_MS).certificate)
        self.mono_ms = 0
        self.clock = DeviceClock(self.folder / "clock.json", boot="b1", mono=lambda: self.mono_ms)
        assert self.clock.set_by_command(NOW_MS)
        self.link = HandLink()
        self.recorded: list[tuple[str, dict[str, Any]]] = []
        self.credentials = Credentials(self.folder, self.clock)
        self.renewal = self.started()

    def started(self) -> CertificateRenewal:
        channel = SealedChannel(self.link, SITE, GATE, self.key)
        around = runtime(self.clock, lambda _point, kind, data: self.recorded.append((kind, data)))
        return CertificateRenewal(around, channel, self.credentials, Random(1))

    def issue(self, at_ms: int, authority: Authority | None = None) -> Certificate:
        issued = (authority or self.authority).device(GATE, self.key.public(), at_ms)
        return Certificate(issued.certificate, issued.not_after_ms)

    def passes(self, days: int) -> None:
        self.mono_ms += days * DAY_MS

    async def hears(self, payload: bytes) -> None:
        self.renewal.received(payload)
        await asyncio.sleep(0.01)

    def asked(self) -> list[bytes]:
        found = [message.payload for message in self.link.going_up if message.channel == "renew"]
        self.link.going_up.clear()
        return found

    @property
    def new(self) -> Path:
        return self.folder / "certificate.pem.new"


def run(folder: Path, story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def told() -> None:
        await story(Bench(folder))

    run_virtual(told())


def test_sixty_days_before_the_end_a_new_one_is_asked_for_under_the_devices_seal(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.link.connect()
        bench.passes(29)
        bench.renewal.check()
        assert bench.asked() == []
        bench.passes(2)
        bench.renewal.check()
        (asked,) = bench.asked()
        body, seal = codec.detach(asked)
        assert DeviceVerifier(bench.key.public()).accepts(statement(Purpose.RENEW, SITE, GATE, body), seal)
        assert read_request(codec.read(body, Renewal).request) == bench.key.public()

    run(tmp_path, story)


def test_it_is_looked_at_about_once_an_hour_and_asked_for_only_while_there_is_a_line(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.passes(31)
        bench.renewal.start()
        await asyncio.sleep(5 * 3600)
        assert bench.asked() == []
        bench.link.connect()
        await asyncio.sleep(24 * 3600)
        assert 16 <= len(bench.asked()) <= 48
        bench.renewal.close()
        await asyncio.sleep(24 * 3600)
        assert bench.asked() == []

    run(tmp_path, story)


def test_a_certificate_that_comes_is_kept_and_shown_at_a_new_connection(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.link.connect()
        bench.passes(31)
        answer = bench.issue(bench.clock.now_ms())
        await bench.hears(codec.write(answer))
        assert bench.new.read_text() == answer.certificate
        assert bench.link.connection == 2

    run(tmp_path, story)


@pytest.mark.parametrize("days", [0, 31])
def test_what_is_not_this_devices_next_certificate_changes_nothing(tmp_path: Path, days: int) -> None:
    async def story(bench: Bench) -> None:
        bench.link.connect()
        bench.passes(days)
        stranger = open_authority(KeyFolder.create(tmp_path / "stranger").folder, NOW_MS)
        early = bench.issue(bench.clock.now_ms()) if not days else bench.issue(NOW_MS - DAY_MS)
        for payload in (
            b"",
            b"{}",
            codec.write(Certificate("no certificate", 0)),
            codec.write(bench.issue(bench.clock.now_ms(), stranger)),
            codec.write(early),
        ):
            await bench.hears(payload)
        assert not bench.new.exists()
        assert bench.link.connection == 1

    run(tmp_path, story)


def test_what_became_of_a_new_certificate_is_recorded_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for became, kind in (("taken", "device.certificate_renewed"), ("given up", "device.certificate_refused")):
            bench.credentials.swapped = became
            bench.renewal.check()
            bench.renewal.check()
            assert [one for one, _ in bench.recorded] == [kind]
            bench.recorded.clear()

    run(tmp_path, story)


def test_the_end_is_announced_early_and_stops_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert bench.renewal.fault == ""
        bench.passes(77)
        assert bench.renewal.fault == "ends in 13 days"
        bench.passes(DEVICE_LASTS_MS // DAY_MS)
        assert bench.renewal.fault == "expired"
        (bench.folder / "certificate.pem").unlink()
        bench.renewal.check()
        assert bench.renewal.fault == "missing"

    run(tmp_path, story)
