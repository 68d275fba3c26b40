"""What a device shows its broker and asks of it, at a real one; and what it says when they do not agree."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from cryptography import x509

from cloud.keys.ca import DEVICE_LASTS_MS, SERVER_LASTS_MS, Authority, Revoked, open_authority
from cloud.keys.keys import KeyFolder
from contract.decide import DAY_MS
from contract.sealing import DeviceKey
from edge.identity.credentials import MAX_TRIES, BadCertificate, Credentials
from edge.link.connection_number import ConnectionNumber
from edge.link.mqtt import Broker, MqttLink, MqttSession
from edge.machine.clock import BUILT_MS, DeviceClock
from tests.edge.support.syncing import Clock
from tests.secured import SITE, Secured, now_ms

GATE = "east-gate"
# paho leaves the socket of a failed handshake to the garbage collector.
pytestmark = [pytest.mark.usefixtures("mosquitto"), pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")]


class AtOnce(Random):
    """Chance that never waits."""

    def uniform(self, a: float, b: float) -> float:
        return a


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    with Secured(tmp_path / "community").running() as running:
        yield running
    gc.collect()


@pytest.fixture
def keys(tmp_path: Path, secured: Secured) -> Path:
    """The folder of keys of an adopted device."""
    secured.adopt(GATE, tmp_path / "keys")
    return tmp_path / "keys"


def unset(folder: Path) -> DeviceClock:
    """The clock of a device that has just started and heard nobody."""
    return DeviceClock(folder / "clock.json", boot="b1", mono=lambda: 0)


def set_to(folder: Path, at_ms: int) -> DeviceClock:
    clock = unset(folder)
    assert clock.set_by_command(at_ms)
    return clock


def tries(credentials: Credentials, port: int, host: str = "127.0.0.1") -> str:
    """One connection that stands ("") or why it does not."""

    async def story() -> str:
        loop = asyncio.get_running_loop()
        link = MqttLink(
            Broker(host, port, credentials),
            MqttSession(GATE, f"hg/v1/{SITE}/{GATE}/dn/+", f"hg/v1/{SITE}/{GATE}/up/state", lambda _: b"gone"),
            number=ConnectionNumber(credentials.folder / "connections", Clock()),
            loop=loop,
            random=AtOnce(),
        )
        link.start()
        async with asyncio.timeout(20):
            while link.why_down == "not connected yet":
                await asyncio.sleep(0)
        said = link.why_down
        await link.close()
        return said

    return asyncio.run(story())


def test_an_adopted_device_is_welcome_whatever_the_system_clock_says(secured: Secured, keys: Path) -> None:
    assert tries(Credentials(keys, unset(keys)), secured.port) == ""
    assert tries(Credentials(keys, set_to(keys, now_ms())), secured.port) == ""


def renewed_by_another(folder: Path) -> Authority:
    return open_authority(KeyFolder.create(folder / "another").folder, now_ms())


def test_a_device_that_was_not_adopted_says_so(secured: Secured, tmp_path: Path) -> None:
    assert "ca.crt is missing: adopt this device" in tries(Credentials(tmp_path, unset(tmp_path)), secured.port)


def test_a_revoked_device_is_told_and_says_so(secured: Secured, tmp_path: Path) -> None:
    serial = secured.adopt(GATE, tmp_path / "keys")
    secured.revoke([Revoked(serial, now_ms())])
    credentials = Credentials(tmp_path / "keys", unset(tmp_path))
    while (said := tries(credentials, secured.port)) == "":  # the broker looks once a second
        continue
    assert "certificate is revoked: adopt the device again" in said


def test_an_expired_certificate_is_told_and_said(secured: Secured, tmp_path: Path) -> None:
    secured.adopt(GATE, tmp_path / "keys", at_ms=now_ms() - DEVICE_LASTS_MS - DAY_MS)
    said = tries(Credentials(tmp_path / "keys", unset(tmp_path)), secured.port)
    assert "certificate has expired: adopt the device again" in said


def test_a_certificate_of_another_community_is_not_taken(secured: Secured, tmp_path: Path) -> None:
    secured.adopt(GATE, tmp_path / "keys", authority=renewed_by_another(tmp_path))
    said = tries(Credentials(tmp_path / "keys", unset(tmp_path)), secured.port)
    assert "does not know the authority of this device's certificate" in said


def test_the_broker_of_another_community_is_not_believed(secured: Secured, keys: Path) -> None:
    (keys / "ca.crt").write_text(renewed_by_another(keys).certificate)
    assert "not the broker of this device's community" in tries(Credentials(keys, unset(keys)), secured.port)


def test_a_broker_under_another_name_is_not_believed(secured: Secured, keys: Path) -> None:
    said = tries(Credentials(keys, unset(keys)), secured.port, host="127.1")
    assert "is for another host: correct cloud.broker" in said


@pytest.mark.parametrize(
    ("clock", "why"),
    [
        (lambda folder: set_to(folder, now_ms() + SERVER_LASTS_MS + DAY_MS), "the server's certificate ended on"),
        (lambda folder: set_to(folder, BUILT_MS), "the server's certificate begins on"),
    ],
)
def test_a_broker_out_of_its_time_by_the_devices_clock_is_not_believed(
    secured: Secured, keys: Path, clock: Callable[[Path], DeviceClock], why: str
) -> None:
    assert why in tries(Credentials(keys, clock(keys)), secured.port)


def test_a_damaged_file_is_named_and_nothing_stops(secured: Secured, keys: Path) -> None:
    (keys / "certificate.pem").write_text("torn")
    assert tries(Credentials(keys, unset(keys)), secured.port) != ""


def offered(secured: Secured, keys: Path) -> Credentials:
    """Credentials that were given a renewed certificate."""
    key = DeviceKey.from_pem((keys / "device.key").read_bytes())
    issued = secured.authority.device(GATE, key.public(), now_ms() + DAY_MS // 24)
    credentials = Credentials(keys, unset(keys))
    credentials.offer(issued.certificate, GATE, key.public())
    return credentials


def test_a_new_certificate_takes_the_old_ones_place_once_a_broker_has_greeted_it(secured: Secured, keys: Path) -> None:
    credentials = offered(secured, keys)
    new = (keys / "certificate.pem.new").read_text()
    assert (keys / "certificate.pem").read_text() != new
    assert tries(credentials, secured.port) == ""
    assert ((keys / "certificate.pem").read_text(), credentials.swapped) == (new, "taken")
    assert not (keys / "certificate.pem.new").exists()


def test_a_new_certificate_that_no_broker_takes_is_given_up_for_the_old_one(secured: Secured, keys: Path) -> None:
    old = (keys / "certificate.pem").read_text()
    credentials = offered(secured, keys)
    issued = x509.load_pem_x509_certificate((keys / "certificate.pem.new").read_bytes())
    probe = secured.adopt("west-gate", keys / "probe")
    secured.revoke([Revoked(f"{issued.serial_number:x}", now_ms()), Revoked(probe, now_ms())])
    while tries(Credentials(keys / "probe", unset(keys)), secured.port) == "":  # the broker looks once a second
        continue
    for _ in range(MAX_TRIES):
        assert "is revoked" in tries(credentials, secured.port)
    assert credentials.swapped == "given up"
    assert tries(credentials, secured.port) == ""
    assert (keys / "certificate.pem").read_text() == old


def test_only_a_certificate_for_this_device_and_key_is_kept(secured: Secured, keys: Path) -> None:
    credentials = Credentials(keys, unset(keys))
    mine, other = DeviceKey.from_pem((keys / "device.key").read_bytes()).public(), DeviceKey.generate().public()
    stranger = renewed_by_another(keys)
    for pem in (
        "",
        stranger.device(GATE, mine, now_ms()).certificate,
        secured.authority.device(GATE, other, now_ms()).certificate,
        secured.authority.device("west-gate", mine, now_ms()).certificate,
        secured.authority.device(GATE, mine, now_ms() - DAY_MS).certificate,
    ):
        with pytest.raises(BadCertificate):
            credentials.offer(pem, GATE, mine)
    assert not (keys / "certificate.pem.new").exists()


def test_the_end_of_the_certificate_is_known(secured: Secured, keys: Path) -> None:
    found = Credentials(keys, unset(keys)).not_after_ms
    assert found is not None
    assert abs(found - now_ms() - DEVICE_LASTS_MS) < DAY_MS
    (keys / "certificate.pem").unlink()
    assert Credentials(keys, unset(keys)).not_after_ms is None
