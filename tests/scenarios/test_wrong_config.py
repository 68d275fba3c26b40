"""A slip in a file or on the command line: one line that names the place and the cure, exit 2, no traceback.

Most of it runs in this process, as the script would; what a process of its own says is looked at once for each program.
"""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud.__main__ import main as cloud_main
from cloud.keys.folder import clock, make_folder
from cloud.sample import seed_sample
from dev import ROOT
from edge.__main__ import main as edge_main
from firmware_sim.worlds.demo.processes import scripts
from tests.scenarios.small_town import refused

SAMPLE = (ROOT / "config" / "turnstile.toml").read_text()
SLIPS = {
    "an unknown key": ("unlock_ms = 5000", "unlock_sm = 5000", r":\d+: point\[0\]\.settings\.unlock_sm: unknown key;"),
    "a pin used twice": ("pin = 22", "pin = 17", r":\d+: point\[0\]\.inputs\.arm\.pin: pin 17 is used by"),
    "plain MQTT elsewhere": ("127.0.0.1", "mqtt.example.org", r":\d+: cloud\.broker: plain MQTT goes to a loopback"),
    "no such kind": ('kind = "turnstile"', 'kind = "stile"', r":\d+: point\[0\]\.kind: .*stile"),
    "not TOML": ("[device]", "[device", r":\d+: this is not TOML"),
}
MAINS: dict[str, Callable[[], None]] = {"hearthgate-edge": edge_main, "hearthgate-cloud": cloud_main}
EDGE, CLOUD = MAINS

Typed = Callable[..., str]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    """What a program says that is typed here and refuses."""

    def refused_here(program: str, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", [program, *words])
        with pytest.raises(SystemExit) as ended:
            MAINS[program]()
        said = capfd.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        (line,) = said.err.splitlines()
        return line

    return refused_here


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((EDGE, "run", "--config", "none.toml"), "none.toml: there is no such file"),
        ((EDGE, "keeper", "--config", "none.toml"), "none.toml: there is no such file"),
        ((CLOUD, "serve", "--dir", "none"), "holds no community"),
    ],
)
def test_process_ends_with_one_line(
    words: tuple[str, ...], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complaint in refused([scripts(words[0]), *words[1:]])


@pytest.mark.parametrize("command", ["run", "keeper"])
@pytest.mark.parametrize("slip", SLIPS)
def test_a_device_with_a_slip_in_its_file_says_where_and_what(
    slip: str, command: str, tmp_path: Path, typed: Typed
) -> None:
    right, wrong, complaint = SLIPS[slip]
    assert right in SAMPLE
    config = tmp_path / "device.toml"
    config.write_text(SAMPLE.replace(right, wrong, 1))
    line = typed(EDGE, command, "--config", str(config))
    assert re.match(rf"hearthgate-edge: {re.escape(str(config))}{complaint}", line), line


def device(folder: Path) -> Path:
    """A device whose folders lie beside its config."""
    config = folder / "device.toml"
    config.write_text(SAMPLE.replace("[device]\n", '[device]\nstate = "state"\nkeys = "keys"\nrun = "run"\n'))
    return config


@pytest.mark.parametrize("command", ["run", "keeper", "key", "status", "doctor"])
def test_a_device_without_a_file_says_which_one(command: str, tmp_path: Path, typed: Typed) -> None:
    line = typed(EDGE, command, "--config", str(tmp_path / "none.toml"))
    assert line == f"hearthgate-edge: {tmp_path / 'none.toml'}: there is no such file; name the device's with --config"


def test_a_key_that_others_can_read_is_no_key(tmp_path: Path, typed: Typed) -> None:
    config = device(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "device.key").write_text("secret")
    (tmp_path / "keys" / "device.key").chmod(0o644)
    assert "others can read it; chmod 600" in typed(EDGE, "run", "--config", str(config))


def test_a_run_folder_that_is_a_file_is_named(tmp_path: Path, typed: Typed) -> None:
    config = device(tmp_path)
    (tmp_path / "run").touch()
    for command in ("run", "keeper"):
        assert str(tmp_path / "run") in typed(EDGE, command, "--config", str(config))


def test_a_keeper_without_its_simulated_board_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed
) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "hearthgate_sim")
    monkeypatch.setenv("HEARTHGATE_SIM_BOARD", str(tmp_path / "no.sock"))
    assert "no.sock" in typed(EDGE, "keeper", "--config", str(device(tmp_path)))


def test_a_keeper_on_a_machine_without_pins_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed
) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "no-such-pins")
    assert "Install python3-lgpio" in typed(EDGE, "keeper", "--config", str(device(tmp_path)))


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Path:

    folder = tmp_path_factory.mktemp("town") / "cloud"
    with make_folder(folder) as (store, keys), store.writing() as connection:
        seed_sample(connection, keys, clock())
    return folder


def test_a_cloud_without_a_community_says_how_to_make_one(tmp_path: Path, typed: Typed) -> None:
    line = typed(CLOUD, "serve", "--dir", str(tmp_path))
    assert line == f"hearthgate-cloud: {tmp_path} holds no community: make one with hearthgate-cloud init {tmp_path}"


@pytest.mark.parametrize("broker", ["mqtt://mqtt.example.org:1883", "http://127.0.0.1:1883", "mqtt://127.0.0.1:many"])
def test_a_cloud_that_is_given_no_usable_broker_says_what_to_write(broker: str, community: Path, typed: Typed) -> None:
    line = typed(CLOUD, "serve", "--dir", str(community), "--broker", broker)
    assert line.startswith(f"hearthgate-cloud: {broker}: ")
    assert "mqtts://" in line


def test_a_cloud_whose_keys_are_gone_names_them(community: Path, tmp_path: Path, typed: Typed) -> None:
    shutil.copytree(community, tmp_path / "cloud")
    (tmp_path / "cloud" / "keys" / "roster.key").unlink()
    assert "roster.key" in typed(CLOUD, "serve", "--dir", str(tmp_path / "cloud"))


def test_a_cloud_whose_database_is_no_database_says_so(community: Path, tmp_path: Path, typed: Typed) -> None:
    shutil.copytree(community, tmp_path / "cloud")
    for file in (tmp_path / "cloud").glob("cloud.db*"):
        file.unlink()
    (tmp_path / "cloud" / "cloud.db").write_bytes(b"rubbish" * 1000)
    assert "the database: " in typed(CLOUD, "serve", "--dir", str(tmp_path / "cloud"))
