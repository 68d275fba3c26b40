"""Which file a device goes by: its own, or one from the cloud that has stood its trial."""

from pathlib import Path

import pytest

from contract.sealing import wiring_hash
from edge.config.device_config import ConfigError, DeviceConfig, load
from edge.config.wiring import DROPPED, STOPPED, NoSuchWiring, Trial, Wirings, first_run, next_run

OWN = """\
[device]
site = "sunny-court"
name = "east-gate"
state = "state"
reboot = ["systemctl", "reboot"]
[cloud]
broker = "mqtt://127.0.0.1:1883"
[[point]]
name = "east"
kind = "door"
zone = "estate"
outputs.lock = { pin = 17, load = "power_to_unlock" }
[[emergency]]
zone = "estate"
input = { pin = 26, active = "high" }
reset = { pin = 16 }
"""
LONGER = OWN.replace("[[em", "settings.unlock_ms = 9000\n[[em")
LONGEST = OWN.replace("[[em", "settings.unlock_ms = 12000\n[[em")
AT_MS = 1_795_363_200_000


@pytest.fixture
def local(tmp_path: Path) -> DeviceConfig:
    (tmp_path / "device.toml").write_text(OWN)
    (tmp_path / "state").mkdir()
    return load(tmp_path / "device.toml")


def apply(wirings: Wirings, text: str, number: int) -> None:
    wirings.begin(text, number, AT_MS)
    wirings.commit(AT_MS + 1)


def test_wirings_are_their_owners_alone(local: DeviceConfig) -> None:
    """They say which doors there are and what unlocks them."""
    apply(Wirings(local), LONGER, 7)
    kept = [local.state, *local.state.rglob("*")][1:]
    assert {one.stat().st_mode & 0o077 for one in kept} == {0}
    assert any(one.is_dir() for one in kept)


def test_without_any_other_a_device_goes_by_its_own_file(local: DeviceConfig) -> None:
    chosen = Wirings(local).in_force()
    assert (chosen.config, chosen.source, chosen.rotten) == (local, "local", "")


def test_a_wiring_that_stood_its_trial_rules_after_a_restart_and_keeps_the_folders(local: DeviceConfig) -> None:
    apply(Wirings(local), LONGER, 7)
    chosen = Wirings(local).in_force()
    assert chosen.config.settings["east"].unlock_ms == 9000
    assert (chosen.config.state, chosen.config.hash) == (local.state, wiring_hash(LONGER.encode()))
    assert chosen.copy is not None
    assert (chosen.source, chosen.copy.number, chosen.copy.at_ms) == ("cloud", 7, AT_MS + 1)


def test_a_start_in_the_middle_of_a_trial_goes_by_what_was_in_force_before(local: DeviceConfig) -> None:
    apply(Wirings(local), LONGER, 7)
    Wirings(local).begin(LONGEST, 8, AT_MS)
    found = Wirings(local)
    assert found.in_force().config.hash == wiring_hash(LONGER.encode())
    found.revert(STOPPED)
    again = Wirings(local)
    assert again.record.trial is None
    name = wiring_hash(LONGEST.encode())
    assert (again.ended(name, 8), again.ended(name, 9), again.ended("0" * 16, 8)) == (STOPPED, "", "")


def test_in_the_process_that_tries_it_the_wiring_on_trial_is_found(local: DeviceConfig) -> None:
    wirings = Wirings(local)
    with pytest.raises(NoSuchWiring, match="No wiring is on trial"):
        wirings.on_trial()
    wirings.begin(LONGER, 7, AT_MS)
    assert wirings.on_trial().config.settings["east"].unlock_ms == 9000
    assert Wirings(local).find(wiring_hash(LONGER.encode())).settings["east"].unlock_ms == 9000


def test_the_way_back_to_the_own_file_is_a_trial_like_any_other(local: DeviceConfig) -> None:
    wirings = Wirings(local)
    apply(wirings, LONGER, 7)
    wirings.begin("", 8, AT_MS)
    assert wirings.on_trial().config == local
    wirings.commit(AT_MS)
    assert Wirings(local).in_force().source == "local"
    assert list((local.state / "config").glob("*.toml")) == []


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", OWN.encode()])
def test_a_rotten_applied_file_gives_way_to_the_own_one_and_says_so(local: DeviceConfig, damage: bytes) -> None:
    apply(Wirings(local), LONGER, 7)
    (file,) = (local.state / "config").glob("*.toml")
    file.write_bytes(damage)
    chosen = Wirings(local).in_force()
    assert (chosen.config, chosen.source) == (local, "local")
    assert str(file) in chosen.rotten


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff"])
def test_a_rotten_record_leaves_the_own_file(local: DeviceConfig, damage: bytes) -> None:
    apply(Wirings(local), LONGER, 7)
    (local.state / "config" / "record.json").write_bytes(damage)
    chosen = Wirings(local).in_force()
    assert chosen.source == "local"
    assert "record.json is damaged" in chosen.rotten
    found = first_run(Wirings(local)).ended
    assert found is not None
    assert "record.json is damaged" in found.why


def test_an_applied_wiring_of_another_device_is_rotten(local: DeviceConfig) -> None:
    apply(Wirings(local), LONGER, 7)
    local.path.write_text(OWN.replace("east-gate", "west-gate"))
    chosen = Wirings(load(local.path)).in_force()
    assert (chosen.source, chosen.config.device.name) == ("local", "west-gate")
    assert "device.name" in chosen.rotten


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('"sunny-court"', '"shady-court"', "from the cloud:2: device.site: this is changed at the device itself"),
        ('"east-gate"', '"west-gate"', "from the cloud:3: device.name: "),
        ('"state"', '"elsewhere"', "from the cloud:4: device.state: "),
        ('"reboot"]', '"poweroff"]', "from the cloud:5: device.reboot: "),
        ("127.0.0.1:1883", "127.0.0.1:1884", "from the cloud:7: cloud.broker: "),
        ("pin = 26", "pin = 27", "from the cloud:13: emergency.0.: this is changed at the device itself"),
        (OWN[OWN.index("[[em") :], "", "from the cloud:1: emergency: "),
        ("pin = 17", "pin = 99", "from the cloud:12: point"),
        ('"door"', '"trapdoor"', "from the cloud:10: point.0..kind"),
    ],
)
def test_who_the_device_is_and_what_is_unsound_cannot_be_sent(
    local: DeviceConfig, was: str, becomes: str, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Wirings(local).check(OWN.replace(was, becomes))


def test_what_was_dropped_by_hand_is_not_taken_again_for_any_document(local: DeviceConfig) -> None:
    wirings = Wirings(local)
    apply(wirings, LONGER, 7)
    wirings.drop()
    again = Wirings(local)
    assert again.in_force().source == "local"
    assert again.ended(wiring_hash(LONGER.encode()), 1_000) == DROPPED
    apply(again, LONGEST, 8)
    assert again.ended(wiring_hash(LONGER.encode()), 9) == ""


def test_a_disk_that_takes_nothing_begins_and_commits_nothing(local: DeviceConfig) -> None:
    wirings = Wirings(local)
    (local.state / "config").write_text("in the way")
    with pytest.raises(OSError, match="exists"):
        wirings.begin(LONGER, 7, AT_MS)
    assert (wirings.record.trial, wirings.in_force().source) == (None, "local")


def test_a_revert_that_cannot_be_written_down_holds_all_the_same(local: DeviceConfig) -> None:
    wirings = Wirings(local)
    wirings.begin(LONGER, 7, AT_MS)
    (local.state / "config").rename(local.state / "gone")
    wirings.revert("It does not work.")
    assert wirings.ended(wiring_hash(LONGER.encode()), 7) == "It does not work."
    assert wirings.in_force().source == "local"


def test_the_first_life_of_an_agent_tells_of_a_trial_whose_end_nobody_saw(local: DeviceConfig) -> None:
    Wirings(local).begin(LONGER, 7, AT_MS)
    turn = first_run(Wirings(local))
    assert (turn.chosen.config, turn.trial) == (local, None)
    assert turn.ended is not None
    assert (turn.ended.number, turn.ended.why) == (7, STOPPED)
    assert first_run(Wirings(local)).ended is None


def test_the_next_life_tries_what_was_begun_if_it_is_still_there(local: DeviceConfig) -> None:
    wirings = Wirings(local)
    wirings.begin(LONGER, 7, AT_MS)
    trial = Trial(7, 3, link_was_up=True)
    assert next_run(wirings, trial).chosen.config.settings["east"].unlock_ms == 9000
    assert next_run(wirings, None).chosen.config == local
    for file in (local.state / "config").glob("*.toml"):
        file.unlink()
    turn = next_run(wirings, trial)
    assert (turn.chosen.config, turn.trial) == (local, None)
    assert turn.ended is not None
    assert "cannot be read" in turn.ended.why
