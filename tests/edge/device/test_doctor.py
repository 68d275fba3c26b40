"""Every check of an installation, in every verdict it can give, on a root folder made up for it."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from gpiozero.exc import BadPinFactory

from cloud.keys.ca import DEVICE_LASTS_MS, open_authority
from cloud.keys.keys import KeyFolder
from contract.decide import DAY_MS
from contract.sealing import DeviceKey
from edge.config.wiring import Wirings
from edge.device.doctor import Finding, Verdict, examine
from edge.machine.clock import BUILT_MS
from edge.ocpp.passwords import make_password
from tests.edge.support.houses import CONFIG, House
from tests.edge.support.journals import meddle


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr("edge.device.doctor.pin_factory", lambda: None)
    made = House(tmp_path)
    made.hear(monkeypatch)
    return made


def test_where_all_is_well_every_check_is_ok_and_needs_no_cure(house: House) -> None:
    findings = list(examine(house.config, house.root))
    assert [(finding.check, finding.verdict, finding.cure) for finding in findings if finding.verdict != "ok"] == []
    assert len(findings) == 17
    assert house.finding("journal").found == "the chain holds from row 1 to 5"
    assert house.finding("watchdog").found == "resets the board after 10 s without a sign of life"


def no_run_folder(house: House) -> None:
    house.config.run.rmdir()


def no_keys(house: House) -> None:
    (house.config.keys / "sync.key").unlink()


def loose_keys(house: House) -> None:
    house.key("digest.key", 0o644)


def no_journal(house: House) -> None:
    house.journal.unlink()


def broken_chain(house: House) -> None:
    meddle(house.journal, "UPDATE rows SET stored = x'00' WHERE seq = 3")


def no_database(house: House) -> None:
    house.journal.write_bytes(b"rubbish" * 1000)


def no_keeper(house: House) -> None:
    house.write("proc/net/unix", f"Num RefCount\n0: 2 0 10000 1 1 7 {house.config.run / 'agent.sock'}\n")


def no_strict_gpiod(house: House) -> None:
    house.write("boot/firmware/config.txt", "dtparam=audio=on\n")


def strict_gpiod_in_a_comment(house: House) -> None:
    house.write("boot/firmware/config.txt", "# dtparam=strict_gpiod\n")


def no_watchdog(house: House) -> None:
    (house.root / "etc/systemd/system.conf.d/hearthgate.conf").unlink()


def watchdog_switched_off(house: House) -> None:
    house.write("etc/systemd/system.conf", "RuntimeWatchdogSec=0\n")
    no_watchdog(house)


def slow_watchdog(house: House) -> None:
    house.write("etc/systemd/system.conf.d/hearthgate.conf", "RuntimeWatchdogSec=60s\n")


def no_parking(house: House) -> None:
    house.write("etc/systemd/system/hearthgate-keeper.service", "ExecStart=hearthgate-edge keeper\n")


def under_tls(house: House, left_days: int | None) -> None:
    """A broker elsewhere, and a certificate with so many days left."""
    house.wire(CONFIG.replace("mqtt://127.0.0.1:1883", "mqtts://cloud.example"))
    if left_days is not None:
        authority = open_authority(KeyFolder.create(house.root / "cloud").folder, BUILT_MS)
        at_ms = BUILT_MS - DEVICE_LASTS_MS + left_days * DAY_MS + 1
        issued = authority.device("gym", DeviceKey.generate().public(), at_ms)
        (house.config.keys / "certificate.pem").write_text(issued.certificate)


def not_adopted(house: House) -> None:
    under_tls(house, None)


def ends_soon(house: House) -> None:
    under_tls(house, 13)


def has_ended(house: House) -> None:
    under_tls(house, -2)


def no_fire_loop(house: House) -> None:
    house.wire(CONFIG.partition("[[emergency]]")[0])


def no_smoke_where_things_charge(house: House) -> None:
    (house.config.path.parent / "serial").touch()
    socket = '[point.outputs.relay]\npin = 18\nload = "power_to_run"\n'
    meter = '[point.instruments.meter]\nbus = "meters"\nmodel = "pzem004t"\naddress = 1\n'
    bus = '[[bus]]\nname = "meters"\ndevice = "serial"\nbaud = 9600\n'
    house.wire(CONFIG + f'[[point]]\nname = "phone-1"\nkind = "socket"\nzone = "gym"\n{socket}{meter}{bus}')


def no_second_contact(house: House) -> None:
    house.wire(CONFIG.replace("confirm = { pin = 25 }\n", ""))


SPOILT: list[tuple[Callable[[House], None], str, Verdict, str, str]] = [
    (no_run_folder, "folders", "failed", "cannot write", "create them"),
    (not_adopted, "certificate", "warning", "there is none", "hearthgate-edge adopt"),
    (ends_soon, "certificate", "warning", "ends in", "reaches no cloud"),
    (has_ended, "certificate", "failed", "has ended", "adopt this device again"),
    (no_keys, "keys", "warning", "missing: sync.key", "register"),
    (loose_keys, "keys", "failed", "others can read digest.key", "chmod 600"),
    (no_journal, "journal", "ok", "none yet", ""),
    (broken_chain, "journal", "failed", "row 3 is not the row that was written", "restart the agent"),
    (no_database, "journal", "failed", "cannot be read", "restart the agent"),
    (no_keeper, "keeper", "failed", "is not running", "systemctl start"),
    (no_fire_loop, "emergency_inputs", "warning", "nothing tells of a fire in gym", "docs/how-to"),
    (no_smoke_where_things_charge, "emergency_inputs", "warning", "no smoke input is wired in gym", "docs/how-to"),
    (no_second_contact, "emergency_inputs", "ok", "a cut wire reads like a fire in gym", ""),
    (no_strict_gpiod, "strict_gpiod", "failed", "keeps a dead process's pins driven", "dtparam=strict_gpiod"),
    (strict_gpiod_in_a_comment, "strict_gpiod", "failed", "keeps a dead process's pins driven", "dtparam=strict_gpiod"),
    (no_watchdog, "watchdog", "failed", "is off", "RuntimeWatchdogSec=10"),
    (watchdog_switched_off, "watchdog", "failed", "is off", "RuntimeWatchdogSec=10"),
    (slow_watchdog, "watchdog", "failed", "waits 60 s", "RuntimeWatchdogSec=10"),
    (no_parking, "parking", "failed", "nobody parks the pins", "install hearthgate-keeper.service"),
]


@pytest.mark.parametrize(("spoil", "check", "verdict", "found", "cure"), SPOILT, ids=[s[0].__name__ for s in SPOILT])
def test_what_is_spoilt_is_found_and_has_a_cure(
    spoil: Callable[[House], None], check: str, verdict: Verdict, found: str, cure: str, house: House
) -> None:
    spoil(house)
    finding = house.finding(check)
    assert finding.verdict == verdict
    assert found in finding.found
    assert cure in finding.cure
    others = [other for other in examine(house.config, house.root) if other.check != check]
    assert {other.verdict for other in others} == {"ok"}


def test_a_simulated_board_is_not_checked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop has neither pins nor the watchdog of a Pi, and a simulated device needs neither."""

    def no_pins() -> None:
        raise BadPinFactory

    monkeypatch.setattr("edge.device.doctor.pin_factory", no_pins)
    for spoil in (no_strict_gpiod, no_watchdog, no_parking):
        spoil(house)
    of_the_board = ["pins", "strict_gpiod", "watchdog", "parking"]
    assert [found.check for found in examine(house.config, house.root) if found.verdict == "failed"] == of_the_board
    (house.config.run / "simulated").touch()
    findings = list(examine(house.config, house.root))
    skipped = [Finding(check, "skipped", "simulated: not checked") for check in of_the_board]
    assert [found for found in findings if found.verdict != "ok"] == skipped
    assert len(findings) == 17


@pytest.mark.parametrize(
    ("causes", "verdict", "found"),
    [
        ({}, "ok", "none is in force"),
        ({"gym": "smoke", "estate": "drill"}, "warning", "in force: estate (drill), gym (smoke)"),
        ({"gym": "loop_broken", "estate": "fire"}, "failed", "the fire loop of gym is broken"),
    ],
)
def test_an_emergency_is_told_as_the_agent_says(
    causes: dict[str, str], verdict: Verdict, found: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"link": {"up": True}, "causes": causes}
    monkeypatch.setattr("edge.device.doctor.agent_status", lambda _run: told)
    finding = house.finding("emergency")
    assert (finding.verdict, bool(finding.cure)) == (verdict, verdict != "ok")
    assert finding.found.startswith(found)


HUB = Path(__file__).parents[3] / "config" / "hub.toml"


@pytest.fixture
def hub(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Where things charge, and a running agent that reads every instrument."""
    house.hear(monkeypatch)
    house.wire(HUB.read_text().replace('name = "hub-sockets"', 'name = "gym"\nkeys = "keys"\nrun = "run"', 1))
    house.wire(house.config.path.read_text().replace("/dev/serial0", "serial"))
    (house.config.path.parent / "serial").touch()
    for post in ("ev-1", "ev-2"):
        make_password(house.config.keys, post)
    return house


def test_where_things_charge_each_of_their_parts_has_a_line(hub: House) -> None:
    assert hub.finding("buses") == Finding("buses", "ok", "24 instruments answer on meters")
    assert hub.finding("banks") == Finding("banks", "ok", "bank-a, bank-b follow their coils")
    assert hub.finding("posts") == Finding("posts", "ok", "ev-1, ev-2 may connect")


@pytest.mark.parametrize(
    ("faults", "found"),
    [
        ({"phone-1.meter": "silent", "phone-2.meter": "crc"}, "not read: phone-1.meter (silent), phone-2.meter (crc)"),
        ({"bus.meters": "unplugged"}, "not read: bus.meters (unplugged)"),
    ],
)
def test_an_instrument_that_does_not_answer_is_named(hub: House, faults: dict[str, str], found: str) -> None:
    hub.said["faults"] = faults
    assert (hub.finding("buses").verdict, hub.finding("buses").found) == ("failed", found)


def test_a_bus_without_its_adapter_is_named_be_there_an_agent_or_not(hub: House) -> None:
    (hub.config.path.parent / "serial").unlink()
    assert hub.finding("buses").found == "there is no serial"


@pytest.mark.parametrize(
    ("faults", "found"),
    [
        ({}, Finding("scanners", "ok", "scanner is open")),
        (
            {"gym.scanner": "Permission denied"},
            Finding(
                "scanners",
                "failed",
                "not read: gym.scanner (Permission denied)",
                "give the agent leave to open it: docs/how-to/scanner-at-a-door.md",
            ),
        ),
    ],
)
def test_scanner_has_a_line(house: House, faults: dict[str, str], found: Finding) -> None:
    house.wire(house.config.path.read_text() + '\n[point.scanners.in]\ndevice = "scanner"\n')
    assert house.finding("scanners").found == "there is no scanner"
    (house.config.path.parent / "scanner").touch()
    house.said["faults"] = faults
    assert house.finding("scanners") == found


def test_a_contactor_that_does_not_follow_is_named(hub: House) -> None:
    hub.said["points"]["bank-b"]["faults"] = ["contactor_welded"]
    assert hub.finding("banks").verdict == "failed"
    assert hub.finding("banks").found == "held off: bank-b (contactor_welded)"


def test_a_post_without_a_password_and_one_that_cannot_connect_are_named(hub: House) -> None:
    hub.said["faults"] = {"ocpp": "192.168.50.1:9000: address not available"}
    assert hub.finding("posts").found == "nobody can connect: 192.168.50.1:9000: address not available"
    (hub.config.keys / "ocpp-ev-2").unlink()
    assert hub.finding("posts").found == "no password yet: ev-2"
    assert hub.finding("posts").cure.startswith("hearthgate-edge ocpp add ev-2")


def test_without_an_agent_what_only_it_knows_is_not_made_up(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.device.doctor.agent_status", lambda _run: None)
    asked = ("cloud", "emergency", "buses", "banks", "posts")
    assert {hub.finding(check).verdict for check in asked} == {"skipped"}
    assert "meter read" in hub.finding("buses").cure
    assert all("systemctl start hearthgate-agent" in hub.finding(check).cure for check in asked)


def test_a_machine_without_pins_is_told_what_to_install(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_factory() -> None:
        raise BadPinFactory("none")

    monkeypatch.setattr("edge.device.doctor.pin_factory", no_factory)
    finding = house.finding("pins")
    assert (finding.verdict, finding.found) == ("failed", "no GPIO library works here")
    assert "python3-lgpio" in finding.cure


def test_a_machine_that_is_no_raspberry_pi_is_only_reminded(house: House) -> None:
    (house.root / "boot/firmware/config.txt").unlink()
    assert house.finding("strict_gpiod").verdict == "warning"


def test_a_keeper_is_told_from_the_socket_that_a_dead_one_left_behind(house: House) -> None:
    path = house.config.run / "keeper.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        found = {finding.check: finding for finding in examine(house.config)}
        assert found["keeper"].verdict == "ok"
    found = {finding.check: finding for finding in examine(house.config)}
    assert path.exists()
    assert found["keeper"].verdict == "failed"


def test_nothing_is_changed_by_looking(house: House) -> None:
    before = {path: path.stat().st_mtime_ns for path in house.root.parent.rglob("*") if path.is_file()}
    list(examine(house.config, house.root))
    after = {path: path.stat().st_mtime_ns for path in house.root.parent.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after[path]} == set()


def test_a_certificate_that_is_good_for_long_needs_no_cure(house: House) -> None:
    under_tls(house, 80)
    assert house.finding("certificate").verdict == "ok"


@pytest.mark.parametrize(
    ("link", "verdict", "found"),
    [
        ({"up": True, "why": ""}, "ok", "connected to"),
        ({"up": False, "why": "this device's certificate is revoked"}, "warning", "is revoked"),
    ],
)
def test_the_agent_is_asked_why_it_reaches_no_cloud(
    house: House, monkeypatch: pytest.MonkeyPatch, link: dict[str, object], verdict: Verdict, found: str
) -> None:
    monkeypatch.setattr("edge.device.doctor.agent_status", lambda _: {"link": link, "causes": {}})
    finding = house.finding("cloud")
    assert finding.verdict == verdict
    assert found in finding.found


def test_the_wiring_that_rules_is_named_and_a_rotten_one_is_a_failure(house: House) -> None:
    wirings = Wirings(house.config)
    wirings.begin(
        CONFIG.replace("[[emergency]]", "[point.settings]\nunlock_ms = 9000\n\n[[emergency]]"), 7, 1_795_363_200_000
    )
    wirings.commit(1_795_363_200_000)
    said = "document 7 of the cloud rules since 2026-11-22 16:00 UTC"
    assert house.finding("wiring") == Finding("wiring", "ok", said)
    (file,) = (house.config.state / "config").glob("*.toml")
    file.write_text("rotten")
    assert house.finding("wiring").verdict == "failed"
    assert "config drop" in house.finding("wiring").cure
