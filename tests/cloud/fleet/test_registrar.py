"""Who is let in and put out, and what the broker's folder and the audit say of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import delete

from cloud.commands.store import points_of
from cloud.devices.registry import NotRegistered, device_names
from cloud.devices.streams import Streams
from cloud.devices.views import list_devices
from cloud.fleet.broker_config import BrokerPlace, remember_broker, write_broker
from cloud.fleet.cut_off import LASTS_MS, Probe
from cloud.fleet.service import LOCAL_BROKER, Position, Registrar, RolloutService
from cloud.hours.rule import Hours
from cloud.hours.store import add_hours
from cloud.keys.ca import Authority, open_authority
from cloud.keys.keys import KeyFolder
from cloud.line.sealed_channel import SealedChannel
from cloud.people.community import load_community
from cloud.people.grants import grants
from cloud.people.publisher import Publisher
from cloud.points.store import add_point
from cloud.sample import HUB_SOCKETS, SITE, SOCKETS, seed_sample
from cloud.store.database import Store
from cloud.store.labels import Label
from cloud.store.schema import points
from cloud.web import operators
from contract.adoption import Bundle, open_bundle
from contract.decide import DAY_MS
from contract.schedules import ALWAYS
from contract.sealing import DeviceKey

NOW_MS = 1_800_000_000_000
GATE = Position("north-gate", "北门", "North gate", "estate")


class Office:
    """A registrar of Sunny Court, and the devices that come to it."""

    def __init__(self, store: Store, keys: KeyFolder, folder: Path) -> None:
        self.now_ms = NOW_MS
        self.store, self.keys, self.folder = store, keys, folder
        with store.writing() as connection:
            seed_sample(connection, keys, NOW_MS)
        self.authority = open_authority(keys.folder, NOW_MS)
        self.registrar = Registrar(store, keys, self.authority, folder, lambda: self.now_ms)

    def adopt(self, key: DeviceKey, position: Position = GATE, wiring: str = "") -> Bundle:
        return open_bundle(self.registrar.adopt(key.public(), wiring, position, "admin"), key)

    def broker(self) -> Path:
        place = BrokerPlace(str(self.folder / "broker"), ("mqtt.example",))
        write_broker(place, self.authority, SITE.name, [], self.now_ms)
        remember_broker(self.folder, place)
        return Path(place.folder)

    def revoked(self) -> set[int]:
        crl = x509.load_pem_x509_crl((self.folder / "broker" / "crl.pem").read_bytes())
        return {one.serial_number for one in crl}

    def believed(self, name: str) -> bytes | None:
        """The key by which ingest would judge what this device says."""
        with self.store.reading() as connection:
            found = Streams(SITE.name).device(connection, name)
        return None if found is None else found.verifier.public()

    def deeds(self) -> list[tuple[str, str]]:
        with self.store.reading() as connection:
            return [(deed.action, deed.subject) for deed in operators.list_audit(connection)]


@pytest.fixture
def office(store: Store, keys: KeyFolder, tmp_path: Path) -> Office:
    return Office(store, keys, tmp_path)


def serial(bundle: Bundle) -> int:
    return x509.load_pem_x509_certificate(bundle.certificate.encode()).serial_number


@pytest.mark.parametrize("endless", ["a." * 31_000 + "a = 1", "a = " + "9" * 5_000, "a = " + "[" * 60_000])
def test_an_endless_wiring_is_adopted_without_points(office: Office, endless: str) -> None:
    """A stranger's text, confirmed by an operator: it is kept as it is, says nothing of points, and stops nobody."""
    bundle = office.adopt(DeviceKey.generate(), wiring=endless)
    assert (bundle.device, bundle.wiring) == ("north-gate", endless)


def test_a_wiring_is_read_before_the_transaction(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the text of an adoption or a roll-out is read, others can write: ingest waits for nobody's wiring."""
    texts: list[str] = []

    def reads(text: str) -> dict[str, object]:
        with office.store.writing() as connection:
            add_hours(connection, Hours(f"read-{len(texts)}", Label("x", "x"), ALWAYS.week))
        texts.append(text)
        return {}

    for module in ("cloud.devices.wired", "cloud.fleet.service"):
        monkeypatch.setattr(f"{module}.read_toml", reads)
    office.adopt(DeviceKey.generate(), wiring="a = 1")
    RolloutService(office.store, lambda: NOW_MS).start({"north-gate": "a = 2"}, "lin", "longer, for prams")
    assert texts == ["a = 1", "a = 2"]


def test_a_device_without_labels_is_called_as_its_door_or_as_the_zone_of_all_its_points(office: Office) -> None:
    office.adopt(DeviceKey.generate(), Position("gym-turnstile"))
    office.adopt(DeviceKey.generate(), Position(HUB_SOCKETS))
    office.adopt(DeviceKey.generate(), Position("attic"))
    with office.store.writing() as connection:
        add_point(connection, "phone-9", "spread", "hub", "手机插座 9", "Phone socket 9", "phone")
        add_point(connection, "phone-10", "spread", "gym", "手机插座 10", "Phone socket 10", "phone")
    office.adopt(DeviceKey.generate(), Position("spread"))
    with office.store.reading() as connection:
        called = {device.name: (device.label.zh, device.label.en) for device in list_devices(connection)}
    assert called == {
        "gym-turnstile": ("健身房闸机", "Gym turnstile"),
        HUB_SOCKETS: ("骑手驿站", "Riders' hub"),
        "attic": ("attic", "attic"),
        "spread": ("spread", "spread"),
    }


def test_an_adopted_device_gets_all_that_it_needs_and_is_believed(office: Office) -> None:
    key = DeviceKey.generate()
    bundle = office.adopt(key)
    assert (bundle.device, bundle.site, bundle.broker) == ("north-gate", SITE.name, LOCAL_BROKER)
    assert bytes.fromhex(bundle.sync_key) == office.keys.sync("north-gate")
    assert bytes.fromhex(bundle.digest_key) == office.keys.digest
    assert bundle.roster == office.keys.roster.public().hex()
    assert bundle.ca == office.authority.certificate
    assert office.believed("north-gate") == key.public()
    assert ("device.adopted", "north-gate") in office.deeds()


def test_a_spare_takes_the_place_the_wiring_and_the_name_and_the_old_one_is_revoked(office: Office) -> None:
    office.broker()
    old, spare = DeviceKey.generate(), DeviceKey.generate()
    before = office.adopt(old, wiring="[device]\n")
    after = office.adopt(spare, Position("north-gate", replace=True))
    assert (after.device, after.wiring, after.broker) == ("north-gate", "[device]\n", "mqtts://mqtt.example:8883")
    assert after.sync_key != before.sync_key
    assert office.believed("north-gate") == spare.public()
    assert office.revoked() == {serial(before)}
    assert ("device.replaced", "north-gate") in office.deeds()


def test_a_taken_name_a_missing_one_and_a_bad_one_change_nothing(office: Office) -> None:
    key = DeviceKey.generate()
    office.adopt(key)
    for position in (
        *(GATE, Position("no-such", replace=True), Position("cloud"), Position("North Gate")),
        Position("no-such", zone="nowhere"),
    ):
        with pytest.raises(NotRegistered):
            office.adopt(DeviceKey.generate(), position)
    assert office.believed("north-gate") == key.public()
    assert office.believed("no-such") is None


HUB = (Path(__file__).parents[3] / "config" / "hub.toml").read_text()


def known_points(office: Office, device: str) -> dict[str, tuple[str, str]]:
    """Zone and class of every point of a device."""
    with office.store.reading() as connection:
        found = load_community(connection).points
    return {one.name: (one.zone, one.class_name) for one in found if one.device == device}


def without_a_hub(office: Office) -> None:
    """Nobody has told the cloud of any socket yet."""
    with office.store.writing() as connection:
        connection.execute(delete(points).where(points.c.device == HUB_SOCKETS))


def test_the_sockets_of_an_adopted_hub_are_rationed_by_what_its_wiring_says(office: Office) -> None:
    without_a_hub(office)
    office.adopt(DeviceKey.generate(), Position(HUB_SOCKETS, zone="hub"), HUB)
    assert known_points(office, HUB_SOCKETS) == {name: ("hub", kind) for name, kind, *_ in SOCKETS}
    with office.store.reading() as connection:
        rows, page = grants(load_community(connection), NOW_MS)
    rationed = {point for quota in page.quotas for point in quota}
    assert rows
    assert rationed == {name for name, *_ in SOCKETS}


def test_points_stand_where_the_operator_says_else_where_their_wiring_does(office: Office) -> None:
    wiring = "".join(f'[[point]]\nname = "{name}"\nzone = "{zone}"\n' for name, zone in (("a", "gym"), ("b", "moon")))
    office.adopt(DeviceKey.generate(), Position("told", zone="estate"), wiring)
    assert known_points(office, "told") == {"a": ("estate", ""), "b": ("estate", "")}
    office.adopt(DeviceKey.generate(), Position("untold"), wiring.replace('"a"', '"c"').replace('"b"', '"d"'))
    assert known_points(office, "untold") == {"c": ("gym", ""), "d": ("moon", "")}


def test_a_spare_with_another_wiring_brings_its_classes_and_keeps_what_an_operator_called_them(office: Office) -> None:
    office.adopt(DeviceKey.generate(), Position(HUB_SOCKETS, zone="gym"), HUB)
    before = known_points(office, HUB_SOCKETS)
    spare = HUB.replace('class = "phone"', 'class = "ebike"')
    office.adopt(DeviceKey.generate(), Position(HUB_SOCKETS, replace=True), spare)
    after = known_points(office, HUB_SOCKETS)
    assert before["phone-1"] == ("hub", "phone")
    assert after == {name: ("hub", "ebike" if kind == "phone" else kind) for name, (_, kind) in before.items()}


def test_no_device_takes_the_point_of_another(office: Office) -> None:
    wiring = '[[point]]\nname = "east-gate"\nzone = "gym"\nkind = "socket"\n'
    office.adopt(DeviceKey.generate(), Position("thief", zone="gym"), wiring)
    assert known_points(office, "thief") == {}
    assert known_points(office, "east-gate") == {"east-gate": ("estate", "")}


def test_a_door_that_was_named_before_its_device_stays_as_it_is(office: Office) -> None:
    bundle = office.adopt(DeviceKey.generate(), Position("east-gate", zone="gym"))
    with office.store.reading() as connection:
        assert [one.device for one in points_of(connection, ["east-gate"])] == [bundle.device]


def test_nobody_changes_what_is_revoked_while_the_brokers_list_of_it_is_written(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever read the older list could write it last."""
    office.broker()
    office.adopt(DeviceKey.generate())
    locked = []

    def write(*_: object) -> None:
        with closing(sqlite3.connect(office.store.engine.url.database or "", timeout=0.0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as wrong:
                locked.append(str(wrong))

    monkeypatch.setattr("cloud.fleet.service.write_revocations", write)
    office.registrar.lose("north-gate", "admin")
    assert locked == ["database is locked"]


def test_a_device_is_cut_off_though_another_is_lost_meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's list is then written again; were the probe gone from it, its name would be greeted for ever."""
    office.broker()
    office.adopt(DeviceKey.generate())
    office.adopt(DeviceKey.generate(), Position("south-gate"))
    on_the_list = []

    def cut_off(_url: str, _authority: Authority, probe: Probe, _scratch: Path) -> bool:
        office.registrar.lose("south-gate", "admin")
        on_the_list.append(int(probe.revoked.serial, 16) in office.revoked())
        return True

    monkeypatch.setattr("cloud.fleet.service.cut_off", cut_off)
    office.registrar.lose("north-gate", "admin")
    assert office.registrar.cut_off("north-gate")
    assert on_the_list == [True]
    office.now_ms += LASTS_MS
    office.registrar.lose("south-gate", "admin")
    assert len(office.revoked()) == 2


def test_a_lost_device_is_believed_no_more_and_its_cards_are_named(office: Office) -> None:
    office.broker()
    manifests = SealedChannel(lambda *_, **__: None, SITE.name, "roster", office.keys.roster)
    publisher = Publisher(office.store, manifests, publish=lambda *_, **__: None, clock=lambda: NOW_MS)
    publisher.refresh()
    bundle = office.adopt(DeviceKey.generate())
    loss = office.registrar.lose("north-gate", "admin")
    assert loss.told
    names = {card.name.en for card in loss.cards}
    assert "Li Si" in names
    assert "Wu Jiu" not in names  # reported lost before
    assert office.believed("north-gate") is None
    assert office.keys.sync("north-gate") is None
    assert office.revoked() == {serial(bundle)}
    with office.store.reading() as connection:
        assert "north-gate" not in device_names(connection)
    with pytest.raises(NotRegistered):
        office.registrar.lose("no-such", "admin")


def test_a_found_device_may_be_adopted_again_in_its_old_place(office: Office) -> None:
    key = DeviceKey.generate()
    office.adopt(key)
    office.registrar.lose("north-gate", "admin")
    with pytest.raises(NotRegistered):
        office.adopt(key)
    office.adopt(key, Position("north-gate", replace=True))
    assert office.believed("north-gate") == key.public()


def test_a_certificate_is_renewed_for_the_devices_own_key_and_not_every_minute(office: Office) -> None:
    key = DeviceKey.generate()
    office.adopt(key)
    office.now_ms += 30 * DAY_MS
    first = office.registrar.renew("north-gate", key.public(), key.public())
    assert first.not_after_ms == office.now_ms + 90 * DAY_MS
    office.now_ms += 1000
    assert office.registrar.renew("north-gate", key.public(), key.public()) == first
    with pytest.raises(NotRegistered):
        office.registrar.renew("north-gate", key.public(), DeviceKey.generate().public())
