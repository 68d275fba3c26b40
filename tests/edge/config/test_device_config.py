"""A device's config: whatever is wrong with it is one line that names the file, the line, the key and the cure."""

from pathlib import Path

import pytest

from edge.archetypes.portal import MAX_UNLOCK_MS
from edge.archetypes.protocol import LEASE_MARGIN_MS
from edge.config.checks import RESET_PULLS
from edge.config.device_config import ConfigError, DeviceConfig, check, load
from edge.config.tables import CHOICES, Output
from edge.keeper.outputs import MAX_LEASE_MS

GOOD = """\
[device]
site = "sunny-court"
name = "east-gate"
[cloud]
broker = "mqtt://127.0.0.1:1883"
[[point]]
name = "east-gate"
kind = "door"
zone = "estate"
[point.settings]
unlock_ms = 5000
[point.outputs.lock]
pin = 17
load = "power_to_unlock"
[point.inputs.contact]
pin = 22
[point.readers.in]
d0 = 5
d1 = 6
[[emergency]]
zone = "estate"
input = { pin = 26, active = "high" }
reset = { pin = 16 }
"""
SECOND = """\
[[point]]
name = "west-gate"
kind = "door"
zone = "estate"
[point.outputs.lock]
pin = 18
load = "power_to_unlock"
"""


def loaded(folder: Path, text: str) -> DeviceConfig:
    file = folder / "gate.toml"
    file.write_text(text)
    return load(file)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        loaded(folder, text)
    said = str(wrong.value)
    assert "\n" not in said
    return said.removeprefix(f"{folder}/")


def test_a_good_config_loads_with_its_settings_and_kinds(tmp_path: Path) -> None:
    good = loaded(tmp_path, GOOD + SECOND)
    assert [point.name for point in good.points] == ["east-gate", "west-gate"]
    assert good.settings["east-gate"].unlock_ms == 5000
    assert good.kinds["west-gate"].name == "door"


def test_folders_are_read_relative_to_the_config_file(tmp_path: Path) -> None:
    good = loaded(tmp_path, GOOD.replace("[device]", '[device]\nstate = "state"\nrun = "/run/elsewhere"'))
    assert (good.state, good.run) == (tmp_path / "state", Path("/run/elsewhere"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[device]", "[device"), "gate.toml:1: this is not TOML: Expected ']'"),
        (('site = "sunny-court"\n', ""), "gate.toml:1: device.site: missing; write it"),
        (('[cloud]\nbroker = "mqtt://127.0.0.1:1883"\n', ""), "gate.toml:1: cloud: missing; write it"),
        (('site = "sunny-court"', 'site = "Sunny Court"'), "gate.toml:2: device.site: write lower-case letters"),
        (('site = "sunny-court"', "site = 7"), "gate.toml:2: device.site: Expected `str`, got `int`"),
        (("[device]", "[device]\nstates = 1"), "gate.toml:2: device.states: unknown key; take it out"),
        (("unlock_ms", "unlock_s"), "gate.toml:11: point[0].settings.unlock_s: unknown key; take it out"),
        (
            ("unlock_ms = 5000", "unlock_ms = 5.5"),
            "gate.toml:11: point[0].settings.unlock_ms: Expected `int`, got `float`",
        ),
        (("unlock_ms = 5000", "unlock_ms = 2999"), "gate.toml:11: point[0].settings.unlock_ms: unlock_ms lies between"),
        (
            ("unlock_ms = 5000", "unlock_ms = 59001"),
            "gate.toml:11: point[0].settings.unlock_ms: unlock_ms lies between",
        ),
        (("unlock_ms", "warn_ms = 50000\nunlock_ms"), "gate.toml:11: point[0].settings.warn_ms: warn_ms lies between"),
        (("pin = 17", "pin = 28"), "gate.toml:13: point[0].outputs.lock.pin: Expected `int` <= 27"),
        (("pin = 17", 'pin = "17"'), "gate.toml:13: point[0].outputs.lock.pin: Expected `int`, got `str`"),
        (("pin = 17", "pin = true"), "gate.toml:13: point[0].outputs.lock.pin: Expected `int`, got `bool`"),
        (("pin = 17\n", ""), "gate.toml:12: point[0].outputs.lock.pin: missing; write it"),
        (("pin = 17", "pin = 17\nlod = 1"), "gate.toml:14: point[0].outputs.lock.lod: unknown key"),
        (
            ("power_to_unlock", "power_to_open"),
            "gate.toml:14: point[0].outputs.lock.load: Invalid enum value 'power_to_open'; write power_to_unlock or",
        ),
        (("pin = 22", "pin = 22\npull = 1"), "gate.toml:17: point[0].inputs.contact.pull: Expected `str`, got `int`"),
        (
            ("pin = 22", "pin = 22\nbounce_ms = -1"),
            "gate.toml:17: point[0].inputs.contact.bounce_ms: Expected `int` >= 0",
        ),
        (
            ("[point.readers.in]", "[point.readers.up]"),
            "gate.toml:17: point[0].readers: Invalid enum value 'up'; write in or out",
        ),
        (("[[point]]", "[point]"), "gate.toml:6: point: this table may stand several times: write its name in double"),
        (
            ("[point.inputs.contact]\npin", "[point.inputs]\ncontact"),
            "gate.toml:16: point[0].inputs.contact: Expected `table`, got `int`",
        ),
        (
            ('kind = "door"', 'kind = "gate"'),
            "gate.toml:8: point[0].kind: there is no kind of station 'gate'; ours are bank",
        ),
        (('kind = "door"', 'kind = "../door"'), "gate.toml:8: point[0].kind: a kind is named in lower-case letters"),
        (
            ("inputs.contact", "inputs.contract"),
            "gate.toml:15: point[0].inputs.contract: a door has the inputs contact,",
        ),
        (
            ("outputs.lock", "outputs.bolt"),
            "gate.toml:12: point[0].outputs.bolt: a door has the outputs lock, green, red",
        ),
        (
            ('[point.outputs.lock]\npin = 17\nload = "power_to_unlock"\n', ""),
            "gate.toml:6: point[0]: a door needs outputs.lock; name its pin",
        ),
        (
            ("pin = 22", "pin = 17"),
            "gate.toml:16: point[0].inputs.contact.pin: pin 17 is used by point[0].outputs.lock.pin",
        ),
        (("d1 = 6", "d1 = 5"), "gate.toml:19: point[0].readers.in.d1: pin 5 is used by point[0].readers.in.d0 already"),
        (
            ("pin = 16", "pin = 22"),
            "gate.toml:23: emergency[0].reset.pin: pin 22 is used by point[0].inputs.contact.pin",
        ),
        (("pin = 22", 'pin = 3\npull = "down"'), "gate.toml:17: point[0].inputs.contact.pull: pin 3 has a pull-up"),
        (("pin = 17", "pin = 4"), "gate.toml:13: point[0].outputs.lock.pin: pin 4 is pulled up at boot"),
        (
            ("pin = 17", 'pin = 17\nrelay = "low"'),
            "gate.toml:13: point[0].outputs.lock.pin: pin 17 is pulled down at boot",
        ),
        (("pin = 17", "pin = 14"), "gate.toml:13: point[0].outputs.lock.pin: pin 14 is the serial console at boot"),
        (("power_to_unlock", "power_to_lock"), "gate.toml:14: point[0].outputs.lock.load: a power_to_lock load needs"),
        (
            ("power_to_unlock", "dry_contact"),
            'gate.toml:12: point[0].outputs.lock: a dry_contact needs emergency = "drive"',
        ),
        (
            ('[[emergency]]\nzone = "estate"', '[[emergency]]\nzone = "estte"'),
            "gate.toml:21: emergency[0].zone: no point is in",
        ),
        (
            ("pin = 16 }", "pin = 16 }\nsmoke = { pin = 17 }"),
            "gate.toml:24: emergency[0].smoke.pin: pin 17 is used by point[0].outputs.lock.pin",
        ),
        (
            ("pin = 16 }", 'pin = 16 }\nestop = { pin = 2, pull = "down" }'),
            "gate.toml:24: emergency[0].estop.pull: pin 2 has a pull-up on the board",
        ),
        (
            ("pin = 16 }", 'pin = 16 }\nconfirm = { pin = "up" }'),
            "gate.toml:24: emergency[0].confirm.pin: Expected `int`, got `str`",
        ),
        (
            ("pin = 16 }", 'pin = 16 }\nreset_point = "west-gate"'),
            "gate.toml:24: emergency[0].reset_point: no point of this name has a reader; those with one: east-gate",
        ),
        (
            ("127.0.0.1:1883", "192.168.1.9:1883"),
            "gate.toml:5: cloud.broker: plain MQTT goes to a loopback address only",
        ),
        (("127.0.0.1:1883", "localhost:1883"), "gate.toml:5: cloud.broker: plain MQTT goes to a loopback address only"),
        (("mqtt://127.0.0.1:1883", "http://127.0.0.1"), "gate.toml:5: cloud.broker: write mqtt://127.0.0.1:1883 or"),
        (("127.0.0.1:1883", "127.0.0.1:70000"), "gate.toml:5: cloud.broker: write mqtt://127.0.0.1:1883 or"),
        (
            ("127.0.0.1:1883", "gate:s3cret@127.0.0.1:1883"),
            "gate.toml:5: cloud.broker: names and passwords are not used",
        ),
        (("mqtt://127.0.0.1", "mqtt://[::1"), "gate.toml:5: cloud.broker: write mqtt://127.0.0.1:1883 or"),
    ],
    ids=lambda value: None if isinstance(value, str) else value[1][:40],
)
def test_a_slip_is_named_with_its_line_and_its_cure(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    assert change[0] in GOOD
    assert complaint(tmp_path, GOOD.replace(*change, 1)).startswith(said)


def test_a_run_folder_too_deep_for_a_socket_is_named_with_its_cure(tmp_path: Path) -> None:
    folder = f"/run/{'d' * 100}"
    said = complaint(tmp_path, GOOD.replace("[device]", f'[device]\nrun = "{folder}"'))
    path = f"{folder}/keeper.sock has 117 bytes"
    assert said.startswith(f"gate.toml:2: device.run: {path}, and the path of a socket at most ")
    assert said.endswith("name a folder with a shorter path")


def test_two_points_may_not_share_a_name(tmp_path: Path) -> None:
    said = complaint(tmp_path, GOOD + SECOND.replace("west-gate", "east-gate"))
    assert said == "gate.toml:25: point[1].name: 'east-gate' stands in another point already"


def test_two_emergencies_may_not_share_a_zone(tmp_path: Path) -> None:
    twice = GOOD + '[[emergency]]\nzone = "estate"\ninput = { pin = 12 }\nreset = { pin = 13 }\n'
    assert complaint(tmp_path, twice).startswith("gate.toml:25: emergency[1].zone: 'estate' stands in another")


def test_a_slip_in_a_later_table_is_found_there(tmp_path: Path) -> None:
    said = complaint(tmp_path, GOOD + SECOND.replace("pin = 18", "pin = 99"))
    assert said.startswith("gate.toml:29: point[1].outputs.lock.pin: ")


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: there is no such file; name the device's with --config$"):
        load(tmp_path / "nowhere.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file)


def test_a_zone_may_have_nothing_but_its_loop_and_key_or_all_there_is(tmp_path: Path) -> None:
    (plain,) = loaded(tmp_path, GOOD).emergencies
    assert list(plain.pins) == ["input", "reset"]
    wired = 'confirm = { pin = 25 }\nsmoke = { pin = 20 }\nestop = { pin = 21 }\nreset_point = "east-gate"\n'
    (full,) = loaded(tmp_path, GOOD + wired).emergencies
    assert (list(full.pins)[2:], full.reset_point) == (["confirm", "smoke", "estop"], "east-gate")


TURNSTILE = """\
[[point]]
name = "gym"
kind = "turnstile"
zone = "estate"
outputs.unlock = { pin = 19, load = "power_to_unlock" }
inputs.arm = { pin = 23 }
"""
SOCKET = """\
[[bus]]
name = "meters"
device = "/dev/ttyUSB0"
[[point]]
name = "phone-1"
kind = "socket"
zone = "estate"
outputs.relay = { pin = 20, load = "power_to_run" }
instruments.meter = { bus = "meters", model = "pzem004t", address = 1 }
"""


@pytest.mark.parametrize(
    ("interlock", "said"),
    [
        ('"gym"', ""),
        ('["gym"]', ""),
        ("[]", ""),
        ('"yard"', "name another point of this device: gym, phone-1, west-gate"),
        ('"east-gate"', "name another point of this device: gym, phone-1, west-gate"),
        ('["gym", "yard"]', "name another point of this device: gym, phone-1, west-gate"),
        ('"west-gate"', "west-gate needs inputs.contact, or nobody knows whether it is shut"),
        ('"phone-1"', "phone-1 is a socket, and nobody passes there; name a door or a turnstile"),
        ("7", "Expected `str | array`, got `int`"),
    ],
)
def test_interlock_names_ways_that_say_they_are_shut(interlock: str, said: str, tmp_path: Path) -> None:
    text = GOOD.replace('zone = "estate"', f'zone = "estate"\ninterlock = {interlock}', 1) + SECOND + TURNSTILE + SOCKET
    if said:
        assert complaint(tmp_path, text) == f"gate.toml:10: point[0].interlock: {said}"
    else:
        assert loaded(tmp_path, text).points[0].interlocks in (["gym"], [])


@pytest.mark.parametrize("text", ["", "x", "[[", "point = 5", "[device]\n[device]", 'device = "x"', "\x00"])
def test_nonsense_is_a_complaint_and_never_a_traceback(text: str, tmp_path: Path) -> None:
    assert complaint(tmp_path, text)


def test_a_pin_with_an_external_pull_may_drive_any_relay(tmp_path: Path) -> None:
    wired = GOOD.replace("pin = 17", 'pin = 17\nrelay = "low"\nexternal_pull = "up"')
    assert loaded(tmp_path, wired).points[0].outputs["lock"].relay == "low"


def test_a_magnet_with_a_release_sense_is_welcome(tmp_path: Path) -> None:
    sensed = GOOD.replace("power_to_unlock", "power_to_lock") + "[point.inputs.release_sense]\npin = 27\n"
    sensed = sensed.replace(
        '[[emergency]]\nzone = "estate"\ninput = { pin = 26, active = "high" }\nreset = { pin = 16 }\n', ""
    )
    assert loaded(tmp_path, sensed).points[0].outputs["lock"].load == "power_to_lock"


def test_tls_goes_to_any_host(tmp_path: Path) -> None:
    text = GOOD.replace("mqtt://127.0.0.1:1883", "mqtts://hub.example:8883")
    assert loaded(tmp_path, text).cloud.broker == "mqtts://hub.example:8883"


@pytest.mark.parametrize(
    ("output", "driven"),
    [
        (Output(pin=17, load="power_to_unlock"), True),
        (Output(pin=17, load="power_to_lock"), True),
        (Output(pin=17, load="power_to_run"), False),
        (Output(pin=17, load="dry_contact", emergency="drive"), True),
        (Output(pin=17, load="dry_contact", emergency="rest"), False),
        (Output(pin=17, load="power_to_unlock", emergency="rest"), False),
        (Output(pin=17, load="power_to_run", emergency="drive"), True),
    ],
)
def test_in_an_emergency_portals_are_released_and_what_runs_is_cut(output: Output, driven: bool) -> None:
    assert output.driven_in_emergency is driven


def test_pins_up_to_eight_are_pulled_up_at_reset() -> None:
    assert [pin for pin, pull in RESET_PULLS.items() if pull == "up"] == list(range(9))


def test_every_word_to_choose_from_is_told() -> None:
    of_pins = {"load", "relay", "active", "pull", "external_pull", "emergency"}
    assert set(CHOICES) == of_pins | {"readers", "scanners", "line", "model", "baud"}


def test_the_longest_unlock_fits_into_the_longest_lease() -> None:
    assert MAX_UNLOCK_MS + LEASE_MARGIN_MS == MAX_LEASE_MS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 1\nb = " + "[" * 1900, "nested deeper than"),
        ("a = 1\n" + "a." * 900 + "a = 1", "a key of more than"),
        ("a = 1\nb = " + "9" * 1900, "a number of more than"),
        ("a = 1\n" + "a." * 31_000 + "a = 1", "a line of 62005 characters"),
    ],
    ids=["depth", "dotted key", "digits", "line"],
)
def test_an_endless_text_is_one_clear_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^the new wiring:2: {problem}"):
        check(text, tmp_path / "device.toml", named="the new wiring")


def test_unlisted_choice_of_setting_is_one_clear_line(tmp_path: Path) -> None:
    """A kind's own setting may have choices that the tables of a configuration do not list."""
    text = Path("config/socket.toml").read_text().replace('class = "ebike"', 'class = "tram"')
    with pytest.raises(ConfigError, match=r":40: point\[1\].settings.class: Invalid enum value 'tram'$"):
        check(text, tmp_path / "device.toml")
