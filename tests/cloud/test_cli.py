"""What an operator types, and the one line they get when it cannot be."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from queue import Empty, Queue
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from cloud import cli, cli_parts
from cloud.charging.session_store import note_sessions
from cloud.devices.quarantine import Suspect, quarantine_messages
from cloud.devices.reactions import Recorded
from cloud.devices.registry import register
from cloud.devices.streams import Device
from cloud.keys.folder import open_folder
from cloud.line.broker import Arrived, Broker, BrokerAddress
from cloud.store.schema import points, sites
from cloud.web import operators
from cloud.web.i18n import ENGLISH, languages
from contract.decide import Trust
from contract.events import Event
from contract.sealing import DeviceKey, DeviceVerifier, RosterVerifier
from contract.topics import Topic
from tests.house.commands import complaint


class Typing:
    """Runs commands as if typed, and keeps what they printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.error = ""

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        self._monkeypatch.setattr("sys.argv", ["hearthgate-cloud", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = self._capsys.readouterr()
        self.error = printed.err
        assert (ended.value.code or 0) == code, printed.err
        return str(printed.out)

    def refused(self, *words: str | Path) -> str:
        """The one line of an error of the user's."""
        self(*words, code=2)
        (line,) = self.error.splitlines()
        return line


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typing:
    return Typing(capsys, monkeypatch)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A community, made once: hashing a password takes its time on purpose."""
    folder = tmp_path_factory.mktemp("made") / "cloud"
    cli.init(folder, sample=True)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it for each test."""
    shutil.copytree(made, tmp_path / "cloud")
    return tmp_path / "cloud"


def head(name: str) -> str:
    """Where a wiring says whose it is."""
    return f'[device]\nsite = "sunny-court"\nname = "{name}"\n'


def public_key() -> str:
    return DeviceKey.generate().public().hex()


def test_init_makes_keys_a_database_and_a_first_operator(typed: Typing, tmp_path: Path) -> None:
    shown = json.loads(typed("init", tmp_path / "c", "--site", "moon-court", "--zone", "Europe/Berlin", "--json"))
    assert shown["operator"] == "admin"
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    assert len(shown["password"]) >= 16
    with open_folder(tmp_path / "c") as (store, _), store.reading() as connection:
        assert connection.execute(select(sites.c.name, sites.c.zone)).one() == ("moon-court", "Europe/Berlin")
        assert connection.exec_driver_sql("SELECT count(*) FROM plans").scalar_one() == 5


def test_init_says_where_it_is_and_what_follows(typed: Typing, tmp_path: Path) -> None:
    """Each command that it names exists, with its options."""
    folder = tmp_path / "moon court"
    first, where, *following = typed("init", folder, "--site", "moon-court").splitlines()
    assert first.startswith("operator admin, password ")
    assert str(folder) in where
    named = [shlex.split(line.partition(":")[2]) for line in following]
    ours = [command[1] for command in named if command[0] == "hearthgate-cloud"]
    assert ours == ["setup", "setup", "broker-config", "serve", "user"]
    assert named[-1][:2] == ["hearthgate-edge", "adopt"]
    assert [command[-2:] for command in named[:5]] == [["--dir", str(folder)]] * 5
    assert "operator NAME" in typed(*named[4][1:])
    assert [wrong for command in named if (wrong := complaint(command))] == []


def test_init_touches_no_folder_that_holds_something(typed: Typing, folder: Path) -> None:
    assert "is not empty" in typed.refused("init", folder, "--sample")


@pytest.mark.parametrize(("option", "value"), [("--site", "Moon Court"), ("--zone", "Moon/Crater"), ("--zone", "..")])
def test_init_refuses_a_site_that_cannot_be_and_leaves_nothing(
    typed: Typing, tmp_path: Path, option: str, value: str
) -> None:
    assert value in typed.refused("init", tmp_path / "c", option, value)
    assert not (tmp_path / "c").exists()


def test_init_without_a_name_asks_for_one(typed: Typing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real estate is never called after the demo's in silence."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert "--site" in typed.refused("init", tmp_path / "c")
    assert not (tmp_path / "c").exists()
    assert "--sample" in typed.refused("init", tmp_path / "c", "--sample", "--site", "moon-court")
    answers = iter(["moon-court", "月苑", "Moon Court"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    typed("init", tmp_path / "c")
    with open_folder(tmp_path / "c") as (store, _), store.reading() as connection:
        named = connection.execute(select(sites.c.name, sites.c.label_zh, sites.c.label_en)).one()
    assert named == ("moon-court", "月苑", "Moon Court")


def test_a_wiring_of_another_site_is_refused(typed: Typing, folder: Path, tmp_path: Path) -> None:
    """Its device would speak on topics that this cloud never hears."""
    wiring = tmp_path / "gate.toml"
    wiring.write_text(head("gate").replace("sunny", "moon"))
    rest = ["--public-key", public_key(), "--dir", str(folder), "--out", str(tmp_path / "out"), "--wiring", str(wiring)]
    assert 'write site = "sunny-court" and name = "gate"' in typed.refused("device", "add", "gate", *rest)


def test_a_folder_without_a_community_says_how_to_make_one(typed: Typing, tmp_path: Path) -> None:
    assert "hearthgate-cloud init" in typed.refused("device", "list", "--dir", tmp_path)


def test_public_keys_are_printed(typed: Typing, folder: Path, tmp_path: Path) -> None:
    """What whoever verifies an export compares its keys with."""
    key = public_key()
    typed("device", "add", "gate", "--public-key", key, "--dir", folder, "--out", tmp_path / "out")
    with open_folder(folder) as (_, keys):
        shown = [f"  cloud: {keys.export.public().hex()}", f"  gate: {key}"]
    assert typed("keys", "--dir", folder).splitlines() == shown
    assert json.loads(typed("keys", "--dir", folder, "--json"))["devices"] == {"gate": key}


def test_a_device_is_registered_and_gets_its_keys(typed: Typing, folder: Path, tmp_path: Path) -> None:
    key = public_key()
    for _ in range(2):
        typed("device", "add", "gym-turnstile", "--public-key", key, "--out", tmp_path / "out", "--dir", folder)
    files = sorted((tmp_path / "out").iterdir())
    shown = [file for file in files if file.suffix in (".crt", ".pem")]
    assert [file.name for file in shown] == ["ca.crt", "certificate.pem"]
    files = [file for file in files if file not in shown]
    assert [file.name for file in files] == ["command.pub", "config.pub", "digest.key", "roster.pub", "sync.key"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    with open_folder(folder) as (_, keys):
        command, config, digest, roster, sync = (bytes.fromhex(file.read_text()) for file in files)
        assert (digest, sync) == (keys.digest, keys.sync("gym-turnstile"))
        assert RosterVerifier(roster).accepts(b"x", keys.roster.sign(b"x"))
        assert (config, command) == (keys.config.public(), keys.command.public())
    (listed,) = json.loads(typed("device", "list", "--dir", folder, "--json"))
    assert (listed["name"], listed["presence"], listed["heard_ms"]) == ("gym-turnstile", "never", None)
    assert "gym-turnstile" in typed("device", "list", "--dir", folder)
    with open_folder(folder) as (store, _), store.reading() as connection:
        deed = operators.list_audit(connection, limit=1)[0]
    assert (deed.operator, deed.action, deed.subject) == ("command line", "device.adopted", "gym-turnstile")


def test_a_device_is_registered_with_the_points_of_its_wiring(typed: Typing, folder: Path, tmp_path: Path) -> None:
    wiring = tmp_path / "washing.toml"
    point = '[[point]]\nname = "washer-1"\nzone = "hub"\nkind = "socket"\nsettings = { class = "ebike" }\n'
    wiring.write_text(head("washing") + point)
    out = ["--public-key", public_key(), "--out", str(tmp_path / "out"), "--dir", str(folder), "--wiring"]
    typed("device", "add", "washing", *out, str(wiring))
    with open_folder(folder) as (store, _), store.reading() as connection:
        (found,) = connection.execute(select(points).where(points.c.device == "washing"))
    assert (found.name, found.zone, found._mapping["class"]) == ("washer-1", "hub", "ebike")
    assert "cannot be read" in typed.refused("device", "add", "other", *out, str(tmp_path))


def test_new_zone_of_wiring_is_made_and_opened(typed: Typing, folder: Path, tmp_path: Path) -> None:
    wiring = tmp_path / "roof.toml"
    wiring.write_text(f'{head("hatch")}[[point]]\nname = "hatch"\nzone = "roof"\nkind = "door"\n')
    rest = ["--public-key", public_key(), "--dir", str(folder), "--out", str(tmp_path / "out")]
    said = typed("device", "add", "hatch", *rest, "--wiring", wiring)
    assert "zone roof is made" in said
    assert "no plan opens zone roof: nobody gets in there" in said
    assert f"--open-for resident=always --dir {folder}" in said
    assert "nobody gets in" in typed("zone", "list", "--dir", folder)
    typed("zone", "rename", "roof", "--label-en", "Roof garden", "--dir", folder)
    assert "is open now for resident=always" in typed(
        "zone", "add", "roof", "--open-for", "resident=always", *rest[2:4]
    )
    listed = {one["name"]: one for one in json.loads(typed("zone", "list", "--dir", folder, "--json"))}
    assert (listed["roof"]["en"], listed["roof"]["points"]) == ("Roof garden", 1)
    assert listed["roof"]["opened_by"] == {"resident": "always"}
    wiring.write_text(f'{head("trap")}[[point]]\nname = "trap"\nzone = "attic"\nkind = "door"\n')
    rest[1] = public_key()
    assert "no plan nobody" in typed.refused("zone", "add", "attic", "--open-for", "nobody=always", *rest[2:4])
    said = typed("device", "add", "trap", *rest, "--wiring", wiring, "--open-for", "staff=always")
    assert "zone attic is open now for staff=always" in said


def test_a_name_is_not_given_to_another_key_unless_it_is_meant(typed: Typing, folder: Path, tmp_path: Path) -> None:
    rest = ["--out", str(tmp_path / "out"), "--dir", str(folder)]
    typed("device", "add", "gym-turnstile", "--public-key", public_key(), *rest)
    assert "--replace" in typed.refused("device", "add", "gym-turnstile", "--public-key", public_key(), *rest)
    typed("device", "add", "gym-turnstile", "--public-key", public_key(), "--replace", *rest)
    assert "no device west" in typed.refused("device", "add", "west", "--public-key", public_key(), "--replace", *rest)


@pytest.mark.parametrize(
    ("name", "key", "says"),
    [
        ("Gym Turnstile", None, "no device name"),
        ("../etc", None, "no device name"),
        ("gym", "zz", "no hex text"),
        ("gym", "04" + "00" * 64, "no point of P-256"),
        ("gym", "", "no point of P-256"),
    ],
)
def test_what_cannot_be_a_device_is_refused(
    typed: Typing, folder: Path, tmp_path: Path, name: str, key: str | None, says: str
) -> None:
    given = public_key() if key is None else key
    out = tmp_path / "out"
    assert says in typed.refused("device", "add", name, "--public-key", given, "--out", out, "--dir", folder)
    assert not out.exists()


def test_a_lost_device_on_which_no_card_lay_frightens_nobody(typed: Typing, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    typed("device", "add", "cellar", "--public-key", public_key(), "--out", out, "--dir", folder)
    told = typed("device", "lost", "cellar", "--dir", folder)
    assert "no card that is still in use lay on it" in told
    assert "these people" not in told


def test_a_roll_out_can_be_typed_off_its_list(
    typed: Typing, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    rest = ["--dir", str(folder), "--reason", "Longer, for prams"]
    wirings = tmp_path / "wirings"
    for _ in range(2):
        assert "put one there for each device" in typed.refused("rollout", "start", wirings, *rest)
        wirings.mkdir(exist_ok=True)
    typed("device", "add", "gym-turnstile", "--public-key", public_key(), "--out", tmp_path / "out", "--dir", folder)
    (wirings / "gym-turnstile.toml").write_text("[device]\nname = 1")
    started = json.loads(typed("rollout", "start", wirings, *rest, "--canary", "gym-turnstile", "--json"))
    listed = typed("rollout", "list", "--dir", folder)
    assert "…" not in listed
    cells = [line.split("│")[1].strip() for line in listed.splitlines() if line.startswith("│")]
    assert cells == [started["id"]]


def test_an_operator_is_admitted_from_an_address(typed: Typing, folder: Path) -> None:
    """The way out for an operator whose name rests, as strangers guess at it, and who comes from a new address."""
    typed("user", "add", "guard", "--dir", folder)
    assert "guard may log in from 2001:db8:0:1::/64" in typed(
        "user", "admit", "guard", "2001:db8:0:1::9", "--dir", folder
    )
    assert "asked for no code" in typed("user", "no-second-factor", "guard", "--dir", folder)
    assert "no operator nobody" in typed.refused("user", "no-second-factor", "nobody", "--dir", folder)
    assert "no operator nobody" in typed.refused("user", "admit", "nobody", "192.0.2.7", "--dir", folder)
    assert "is no address" in typed.refused("user", "admit", "guard", "next door", "--dir", folder)


def test_users_are_added_listed_and_given_new_passwords(typed: Typing, folder: Path) -> None:
    first = json.loads(typed("user", "add", "guard", "--dir", folder, "--json"))["password"]
    assert "already" in typed.refused("user", "add", "guard", "--dir", folder)
    second = json.loads(typed("user", "password", "guard", "--dir", folder, "--json"))["password"]
    assert first != second
    assert "no operator nobody" in typed.refused("user", "password", "nobody", "--dir", folder)
    listed = json.loads(typed("user", "list", "--dir", folder, "--json"))
    assert [(one["name"], one["role"]) for one in listed] == [("admin", "admin"), ("guard", "guard")]


@pytest.mark.parametrize("name", ["", " ", "two words", "x" * 41])
def test_an_operator_without_a_name_is_refused(typed: Typing, folder: Path, name: str) -> None:
    assert "is no name" in typed.refused("user", "add", name, "--dir", folder)


def test_an_operator_is_disabled_enabled_and_removed(typed: Typing, folder: Path) -> None:
    typed("user", "add", "guard", "--dir", folder)
    for act, disabled in (("disable", True), ("enable", False)):
        typed("user", act, "guard", "--dir", folder)
        listed = json.loads(typed("user", "list", "--dir", folder, "--json"))
        assert [one["disabled"] for one in listed if one["name"] == "guard"] == [disabled]
    typed("user", "remove", "guard", "--dir", folder)
    assert "guard" not in typed("user", "list", "--dir", folder)
    for act in ("disable", "remove"):
        assert "last administrator" in typed.refused("user", act, "admin", "--dir", folder)
        assert "no operator guard" in typed.refused("user", act, "guard", "--dir", folder)
    with open_folder(folder) as (store, _), store.reading() as connection:
        actions = [deed.action for deed in operators.list_audit(connection, limit=3)]
    assert actions == ["operator.removed", "operator.enabled", "operator.disabled"]


def test_watch_says_that_no_broker_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waits on, and says so at every pause."""
    message = Arrived(Topic("s", "gym", "up", "beat"), b"{}", False)
    connection = Broker(BrokerAddress("127.0.0.1", 1, False), [], lambda _: None)
    passing: Queue[Arrived] = Queue()
    pauses = iter([Empty, Empty, message])

    def get(**_: float) -> Arrived:
        one = next(pauses)
        if isinstance(one, Arrived):
            return one
        raise Empty

    monkeypatch.setattr(passing, "get", get)
    assert cli._next(passing, connection) == message
    said = capsys.readouterr().err.splitlines()
    assert said == ["hearthgate-cloud: the broker at 127.0.0.1:1 cannot be reached: is it running? Waiting ..."] * 2


def test_a_time_beyond_the_calendar_is_shown_raw() -> None:
    here = languages(ZoneInfo("Asia/Shanghai"))[ENGLISH]
    assert cli_parts.moment(1 << 62, here) == str(1 << 62)
    assert cli_parts.moment(1_800_000_000_000, here) == "2027-01-15 16:00:00 Asia/Shanghai"


def test_a_piped_list_is_neither_cut_nor_wrapped(typed: Typing, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    message = Suspect("gym", False, "events", "malformed", "no array " * 20, b"")
    with open_folder(folder) as (store, _), store.writing() as connection:
        quarantine_messages(connection, [message], 1_800_000_000_000)
    said = typed("quarantine", "list", "--dir", folder)
    assert all(
        text in said for text in (message.detail.strip(), "2027-01-15 16:00:00", "Asia/Shanghai", "Not readable")
    )


def test_charging_sessions_are_listed(typed: Typing, folder: Path) -> None:
    told = {"session": "00112233aabbccdd", "reason": "full", "energy_wh": 12, "ms": 60_000, "receipt": {"fen": 30}}
    event = Event(1, 61_000, 0, "boot", Trust.SYNCED, "phone-1", "session.ended", told)
    key = DeviceKey.generate().public()
    with open_folder(folder) as (store, _), store.writing() as connection:
        register(connection, "hub-sockets", key, 0, "", "")
        note_sessions(connection, [Recorded(Device(1, "hub-sockets", DeviceVerifier(key), 0), event)], 62_000)
    [shown] = json.loads(typed("session", "list", "--dir", folder, "--json"))
    assert shown == {
        "session": "00112233aabbccdd",
        "point": "phone-1",
        "who": None,
        "began_ms": 1_000,
        "state": "ended",
        "reason": "full",
        "energy_wh": 12,
        "fen": 30,
    }
    said = typed("session", "list", "--dir", folder)
    assert all(text in said for text in ("Full", "1970-01-01 08:00:01", "began (Asia/Shanghai)"))
    assert json.loads(typed("session", "list", "--dir", folder, "--json", "--point", "phone-2")) == []


def test_quarantine_is_listed_with_its_bytes(typed: Typing, folder: Path) -> None:
    with open_folder(folder) as (store, _), store.writing() as connection:
        quarantine_messages(connection, [Suspect("gym", False, "events", "malformed", "no array", b"\xffx")], 5)
    shown = json.loads(typed("quarantine", "list", "--dir", folder, "--json"))
    assert [(one["device"], one["payload"]) for one in shown["newest"]] == [("gym", "ff78")]
    assert [one["count"] for one in shown["tallies"]] == [1]
    assert "Not readable" in typed("quarantine", "list", "--dir", folder)


def test_a_broker_that_may_not_be_used_is_one_line(typed: Typing, folder: Path) -> None:
    assert "without TLS" in typed.refused("serve", "--dir", folder, "--broker", "mqtt://example.org")
    assert "without TLS" in typed.refused("watch", "--broker", "mqtt://example.org")


def test_a_database_that_is_none_is_one_line(typed: Typing, folder: Path) -> None:
    (folder / "cloud.db").write_bytes(b"no database" * 1000)
    assert "not a database" in typed.refused("device", "list", "--dir", folder)


def test_command_line_loads_no_web_framework() -> None:
    """A command that looks into the database is not kept waiting by what only `serve` needs."""
    program = "import sys, cloud.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert not {"fastapi", "starlette", "pydantic", "uvicorn", "alembic"} & set(loaded.stdout.split())
