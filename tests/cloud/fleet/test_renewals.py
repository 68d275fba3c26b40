"""Certificates for devices that ask under their seal; whatever else is asked for ends in quarantine."""

import threading
from pathlib import Path

import pytest
from cryptography import x509

from cloud.devices.quarantine import list_quarantined
from cloud.devices.streams import Streams
from cloud.fleet.renewals import Renewals
from cloud.fleet.service import Position
from cloud.keys.keys import KeyFolder
from cloud.line.broker import Arrived
from cloud.sample import SITE
from cloud.store.database import Store
from contract import codec, topics
from contract.decide import DAY_MS
from contract.messages import Certificate, Renewal
from contract.sealing import DeviceKey, Purpose, statement
from tests.cloud.fleet.test_registrar import NOW_MS, Office

GATE = "north-gate"
PATIENCE_S = 20.0


def renew_topic(device: str = GATE) -> topics.Topic:
    topic = topics.parse(topics.up(SITE.name, device, "renew"))
    assert topic
    return topic


class Desk(Office):
    """A registrar's office with the renewals' counter, one adopted device, and what it was sent."""

    def __init__(self, store: Store, keys: KeyFolder, folder: Path) -> None:
        super().__init__(store, keys, folder)
        self.key = DeviceKey.generate()
        self.adopt(self.key, Position(GATE))
        self.sent: list[tuple[str, bytes]] = []
        self.renewals = Renewals(
            store,
            self.registrar,
            site=SITE.name,
            publish=lambda topic, payload: self.sent.append((topic, payload)),
            look_after=lambda: None,
            clock=lambda: self.now_ms,
        )

    def asks(self, *, sealed_by: DeviceKey | None = None, for_key: DeviceKey | None = None, device: str = GATE) -> None:
        body = codec.write(Renewal((for_key or self.key).certificate_request().decode()))
        seal = (sealed_by or self.key).sign(statement(Purpose.RENEW, SITE.name, device, body))
        self.hears(codec.attach(body, seal), device)

    def hears(self, payload: bytes, device: str = GATE) -> None:
        self.renewals.answer(Arrived(renew_topic(device), payload, False))

    def quarantined(self) -> list[str]:
        with self.store.reading() as connection:
            return [one.why for one in list_quarantined(connection)]


@pytest.fixture
def desk(store: Store, keys: KeyFolder, tmp_path: Path) -> Desk:
    return Desk(store, keys, tmp_path)


def test_a_device_gets_its_next_certificate(desk: Desk) -> None:
    desk.now_ms = NOW_MS + 31 * DAY_MS
    desk.asks()
    ((topic, payload),) = desk.sent
    assert topic == topics.down(SITE.name, GATE, "certificate")
    answer = codec.read(payload, Certificate)
    assert answer.not_after_ms == desk.now_ms + 90 * DAY_MS
    assert desk.authority.issued(x509.load_pem_x509_certificate(answer.certificate.encode()))


def test_asking_again_and_again_makes_no_more_certificates(desk: Desk) -> None:
    desk.now_ms = NOW_MS + 31 * DAY_MS
    for _ in range(5):
        desk.asks()
    assert len({payload for _, payload in desk.sent}) == 1


def test_another_seal_another_key_another_name_and_nonsense_are_confined(desk: Desk) -> None:
    stranger = DeviceKey.generate()
    desk.asks(sealed_by=stranger)
    desk.asks(for_key=stranger)
    desk.asks(device="no-such")
    desk.hears(b"")
    desk.hears(codec.attach(b"{}", desk.key.sign(statement(Purpose.RENEW, SITE.name, GATE, b"{}"))))
    assert desk.sent == []
    assert desk.quarantined() == ["bad_request"] * 5


def test_a_lost_device_is_given_nothing(desk: Desk) -> None:
    desk.registrar.lose(GATE, "admin")
    desk.asks()
    assert desk.sent == []


def test_a_fault_of_ours_is_counted_and_the_next_request_is_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, asked = threading.Event(), Arrived(renew_topic(), b"", False)
    answers = iter([RuntimeError("ours"), None])

    def streams(site: str) -> Streams:
        if wrong := next(answers):
            raise wrong
        answered.set()
        return Streams(site)

    monkeypatch.setattr("cloud.fleet.renewals.Streams", streams)
    desk.renewals.start()
    try:
        desk.renewals.put(asked)
        desk.renewals.put(asked)
        assert answered.wait(PATIENCE_S)
        assert desk.renewals.failures == 1
    finally:
        desk.renewals.stop()
