"""Roll-outs from the command line; the running cloud's thread carries them through."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import cli
from cloud.commands.desired import DesiredStateService
from cloud.devices.registry import register
from cloud.fleet.rolling import Rolling
from cloud.fleet.store import MAX_ROLLOUTS, list_rollouts
from cloud.keys.folder import clock, open_folder
from cloud.line.sealed_channel import SealedChannel
from contract.sealing import DeviceKey

EAST, WEST = "east-gate", "west-gate"
REASON = "longer, for prams"
Typed = Callable[..., str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "cloud"
    cli.init(folder, sample=True)
    with open_folder(folder) as (store, _), store.writing() as connection:
        for name in (EAST, WEST):
            register(connection, name, DeviceKey.generate().public(), clock())
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "cloud")
    for name in (EAST, WEST):
        (tmp_path / f"{name}.toml").write_text(f"[device]\nname = '{name}'\n")
    return tmp_path / "cloud"


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Runs a command as if typed. Returns what it printed, or the one line of an error of the user's."""

    def run(*words: str | Path) -> str:
        monkeypatch.setattr("sys.argv", ["hearthgate-cloud", "rollout", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert ended.value.code in (None, 0, 2), printed.err
        return printed.err.strip() if ended.value.code == 2 else printed.out

    return run


def test_a_folder_of_files_is_rolled_out_and_stopped(folder: Path, typed: Typed) -> None:
    here = ("--dir", folder)
    said = typed("start", folder.parent, "--reason", REASON, "--canary", WEST, "--json", *here)
    name = json.loads(said)["id"]
    listed = json.loads(typed("list", "--json", *here))
    assert [(one["device"], one["is"], one["state"]) for one in listed] == [
        (EAST, "unsent", "canary"),
        (WEST, "unsent", "canary"),
    ]
    assert "another roll-out goes on" in typed("start", folder.parent, "--reason", REASON, *here)
    assert "is being stopped" in typed("stop", name, "--reason", "wrong building", *here)
    published: list[str] = []
    with open_folder(folder) as (store, keys):

        def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
            published.append(topic)

        Rolling(
            store,
            DesiredStateService(store, SealedChannel(publish, "sunny-court", "config", keys.config), clock),
            clock,
        ).look()
        with store.reading() as connection:
            (stopped,) = list_rollouts(connection)
    assert (stopped.state, stopped.why, stopped.by, published) == ("stopped", "wrong building", "command line", [])
    assert "this roll-out is over" in typed("stop", name, "--reason", "again", *here)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda folder: (folder / f"{EAST}.toml").write_bytes(b"\xff"), "a file is no text"),
        (lambda folder: (folder / "nobody.toml").write_text(""), "no such device: nobody"),
        (lambda folder: [path.unlink() for path in folder.glob("*.toml")], "put one there for each device"),
    ],
)
def test_what_is_wrong_with_the_folder_is_one_line(
    folder: Path, typed: Typed, spoil: Callable[[Path], object], line: str
) -> None:
    assert "say why" in typed("start", folder.parent, "--reason", " x ", "--dir", folder)
    spoil(folder.parent)
    assert line in typed("start", folder.parent, "--reason", REASON, "--dir", folder)
    assert typed("stop", "none", "--reason", REASON, "--dir", folder).startswith(
        "hearthgate-cloud: there is no roll-out"
    )


def test_the_thread_carries_a_roll_out_through(folder: Path, typed: Typed) -> None:
    typed("start", folder.parent, "--reason", REASON, "--dir", folder)
    told = threading.Event()
    with open_folder(folder) as (store, keys):

        def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
            told.set()

        rolling = Rolling(
            store,
            DesiredStateService(store, SealedChannel(publish, "sunny-court", "config", keys.config), clock),
            clock,
        )
        rolling.start()
        assert told.wait(30)
        rolling.stop()


def test_the_oldest_roll_outs_make_room(folder: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed) -> None:
    monkeypatch.setattr("cloud.fleet.store.MAX_ROLLOUTS", 2)
    assert MAX_ROLLOUTS > 2
    for _ in range(3):
        typed("start", folder.parent, "--reason", REASON, "--dir", folder)
        with open_folder(folder) as (store, _), store.writing() as connection:
            connection.exec_driver_sql("UPDATE rollouts SET state = 'stopped', started_ms = started_ms - 1000")
    with open_folder(folder) as (store, _), store.reading() as connection:
        assert len(list_rollouts(connection)) == 2
        assert connection.exec_driver_sql("SELECT count(DISTINCT rollout_id) FROM rollout_legs").scalar_one() == 2
