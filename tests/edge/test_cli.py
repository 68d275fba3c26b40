"""What an installer types at a device, and what they read."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero.exc import BadPinFactory
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from contract.events import chain, encode_event
from contract.sealing import DeviceKey
from edge.cli import app
from edge.config.device_config import load
from edge.config.wiring import Wirings
from edge.device.status_words import moment
from edge.journal.file import Row, rank_of
from edge.journal.journal import Journal, JournalError, JournalView
from edge.keeper.process import PinsLost
from tests.edge.support.houses import CONFIG, House
from tests.edge.support.journals import BOOT, event, meddle, write

CARD = "10001010100111110000100100"
TYPED = CliRunner()
AT_MS = 1_795_363_200_000


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "device.toml").write_text(CONFIG)
    return str(tmp_path / "device.toml")


@pytest.fixture
def journal(config: str, tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    with Journal(tmp_path / "state" / "journal.db", boot=BOOT) as made:
        write(made, 30)
    return tmp_path / "state" / "journal.db"


def typed(*words: str, code: int = 0) -> str:
    done = TYPED.invoke(app, words)
    assert done.exit_code == code, done.output
    return done.stdout


def refused(*words: str) -> str:
    """The one line of an error of the user's."""
    done: Result = TYPED.invoke(app, words)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


def test_decode_says_as_json_what_a_card_is() -> None:
    shown = {
        "bits": 26,
        "candidates": [{"format": "H10301", "facility": 21, "number": 15890, "parity": "ok"}],
        "fits_swapped": False,
        "swapped_wires": False,
    }
    assert json.loads(typed("decode", CARD, "--json")) == shown
    assert typed("decode", CARD, "--json") == json.dumps(shown) + "\n"


def test_decode_says_in_words_what_a_card_is() -> None:
    assert typed("decode", CARD) == "26 bits\n  H10301: facility 21, number 15890, parity ok\n"


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        ("".join("10"[int(bit)] for bit in CARD), "perhaps D0 and D1 are swapped"),
        (CARD[:-1] + "1", "parity failed"),
        ("1" * 25, "no known format has this length"),
        ("0001", "keypad: key 1"),
    ],
    ids=["swapped wires", "bad parity", "unknown length", "key"],
)
def test_decode_says_what_is_the_matter(bits: str, said: str) -> None:
    assert said in typed("decode", bits)


def test_decode_tries_one_format_if_it_is_named() -> None:
    assert json.loads(typed("decode", "1" * 26, "--format", "C1k35s", "--json"))["candidates"] == []
    assert refused("decode", CARD, "--format", "H1").startswith("hearthgate-edge: no format 'H1'; known are ")


@pytest.mark.parametrize("bits", ["10201", "", "1" * 81], ids=["digits", "nothing", "too long"])
def test_decode_refuses_what_no_reader_sends(bits: str) -> None:
    assert refused("decode", bits).startswith("hearthgate-edge: ")


def test_key_makes_the_key_once_and_prints_its_public_half(config: str, tmp_path: Path) -> None:
    first = typed("key", "--config", config)
    own = DeviceKey.from_pem((tmp_path / "keys" / "device.key").read_bytes())
    assert first == own.public().hex() + "\n"
    assert typed("key", "--config", config) == first


def test_key_names_a_key_that_is_none(config: str, tmp_path: Path) -> None:
    typed("key", "--config", config)
    (tmp_path / "keys" / "device.key").write_text("rubbish")
    assert "device.key" in refused("key", "--config", config)


def test_status_without_an_agent_says_how_to_start_one(config: str, tmp_path: Path) -> None:
    assert refused("status", "--config", config) == (
        f"hearthgate-edge: no agent answers in {tmp_path / 'run'}; start it with: hearthgate-edge run --config {config}"
    )


@pytest.fixture
def agent(config: str, tmp_path: Path) -> Iterator[dict[str, object]]:
    """Something that answers as an agent does."""
    status: dict[str, object] = {
        "device": "gym",
        "keeper": True,
        "faults": {"disk": "full"},
        "points": {"phone-1": {"phase": "charging", "live": {"power_w": 18, "minutes_left": 42}}},
    }
    (tmp_path / "run").mkdir()
    listening, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(status).encode() + b"\n")
        writer.close()
        await writer.wait_closed()

    async def serve() -> None:
        async with await asyncio.start_unix_server(answer, tmp_path / "run" / "agent.sock"):
            listening.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert listening.wait(30)
    yield status
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


def test_status_shows_what_the_agent_answers(config: str, agent: dict[str, object]) -> None:
    assert json.loads(typed("status", "--config", config, "--json")) == agent
    shown = typed("status", "--config", config)
    assert "disk: full" in shown
    assert [line.split() for line in shown.splitlines() if "phone-1" in line] == [
        ["phone-1", "charging", "18", "W", "42"],
    ]
    assert "{" not in shown


def test_tail_prints_the_newest_events_the_last_one_last(config: str, journal: Path) -> None:
    assert journal.exists()
    lines = typed("journal", "tail", "--config", config, "-n", "3", "--json").splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [28, 29, 30]
    assert json.loads(lines[0])["kind"] == "access.allowed"
    shown = typed("journal", "tail", "--config", config)
    assert len(shown.splitlines()) == 1 + 20


def test_tail_spells_out_the_facts_of_a_decision(config: str, journal: Path) -> None:
    facts = bytes.fromhex("01050000000700016e2d0000010036ee800e1001")
    with Journal(journal, boot=BOOT) as made:
        stored = encode_event(replace(event(31), data={"reason": "allowed", "facts": facts}))
        made.insert([Row(31, stored, chain(made.tip, stored), rank_of("access.allowed"))])
        made.flush()
    expected = {"reason": "allowed", "direction": "out", "roster": 7, "rule": 5}
    assert json.loads(typed("journal", "tail", "--config", config, "-n", "1", "--json"))["data"] == expected
    assert '"direction": "out"' in typed("journal", "tail", "--config", config, "-n", "1")


def test_a_piped_journal_is_neither_cut_nor_wrapped(
    config: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installer looks for the very words that the how-to names."""
    assert journal.exists()
    monkeypatch.setenv("COLUMNS", "40")
    row = json.loads(typed("journal", "tail", "--config", config, "-n", "1", "--json"))
    line = typed("journal", "tail", "--config", config, "-n", "1").splitlines()[-1]
    assert row["kind"] in line
    assert json.dumps(row["data"]) in line


@pytest.mark.parametrize(
    ("at_ms", "read"),
    [
        (1_795_330_065_040, "2026-11-22 06:47:45.040"),
        (0, "1970-01-01 00:00:00.000"),
        (1 << 62, str(1 << 62)),
    ],
)
def test_a_time_is_shown_as_people_read_it_unless_no_calendar_holds_it(at_ms: int, read: str) -> None:
    assert moment(at_ms) == read


def test_verify_holds_and_breaks_with_the_chain(config: str, journal: Path) -> None:
    assert typed("journal", "verify", "--config", config) == "the chain holds from row 1 to 30\n"
    assert json.loads(typed("journal", "verify", "--config", config, "--json"))["last"] == 30
    meddle(journal, "DELETE FROM rows WHERE seq = 12")
    assert typed("journal", "verify", "--config", config, code=1) == "row 12 is missing\n"
    assert json.loads(typed("journal", "verify", "--config", config, "--json", code=1))["last"] == 11


@pytest.mark.parametrize("command", ["tail", "verify"])
def test_a_journal_that_is_not_there_is_named(config: str, command: str) -> None:
    assert "journal.db yet: the agent makes it at its first start" in refused("journal", command, "--config", config)


def test_a_row_that_is_no_event_is_named(config: str, journal: Path) -> None:
    meddle(journal, "UPDATE rows SET stored = x'00' WHERE seq = 30")
    assert "a row is no event" in refused("journal", "tail", "--config", config)


def test_a_table_that_is_gone_is_named(config: str, journal: Path) -> None:
    with JournalView(journal) as view:
        meddle(journal, "DROP TABLE rows")
        with pytest.raises(JournalError, match=r"journal\.db cannot be read: no such table"):
            view.tail(1)
        with pytest.raises(JournalError, match=r"journal\.db cannot be read: no such table"):
            view.batch(0, 30, 500, 64_000)


@pytest.mark.parametrize("words", [["keeper"], ["keeper", "--park"]])
def test_a_machine_without_pins_is_told_what_to_install(
    config: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise BadPinFactory("Unable to load any default pin factory!")

    monkeypatch.setattr("gpiozero.Device.ensure_pin_factory", none)
    assert "Install python3-lgpio" in refused(*words, "--config", config)


def test_a_keeper_that_lost_its_pins_ends_with_one_line(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(_wirings: Wirings) -> None:
        raise PinsLost("The keeper could not take its former pins again: GPIO busy.")

    monkeypatch.setattr("edge.keeper.process.run_keeper", lost)
    assert refused("keeper", "--config", config).splitlines()[-1].endswith("former pins again: GPIO busy.")


def test_a_roster_that_cannot_be_opened_is_named(config: str, journal: Path) -> None:
    (journal.parent / "roster.db").mkdir()
    assert "roster.db cannot be opened" in refused("run", "--config", config)


def test_doctor_prints_a_line_a_check_and_fails_if_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.device.doctor.pin_factory", lambda: None)
    house = House(tmp_path)
    lines = typed("doctor", "--config", str(house.config.path), code=1).splitlines()
    assert [line.split()[1] for line in lines] == [
        *("folders", "keys", "certificate", "cloud", "journal", "wiring", "pins", "keeper", "buses", "scanners"),
        *("banks", "posts", "emergency_inputs", "emergency", "strict_gpiod", "watchdog", "parking"),
    ]
    (keeper,) = [line for line in lines if line.split()[1] == "keeper"]
    assert keeper == "failed  keeper           is not running -> systemctl start hearthgate-keeper"
    found = json.loads(typed("doctor", "--config", str(house.config.path), "--json", code=1))
    assert found[0] == {"check": "folders", "verdict": "ok", "found": "state, keys and run can be written", "cure": ""}


def apply_longer(config: str) -> str:
    """A wiring from the cloud that stood its trial."""
    (Path(config).parent / "state").mkdir()
    wirings = Wirings(load(Path(config)))
    text = CONFIG.replace("\n[[emergency]]", "settings.unlock_ms = 9000\n\n[[emergency]]")
    wirings.begin(text, 7, AT_MS)
    wirings.commit(AT_MS)
    return text


def test_config_show_prints_what_rules_and_where_it_comes_from(config: str) -> None:
    assert typed("config", "show", "-c", config).endswith(CONFIG)
    assert "# source: local" in typed("config", "show", "-c", config)
    text = apply_longer(config)
    shown = typed("config", "show", "-c", config)
    assert shown.endswith(text)
    assert "# source: cloud" in shown
    told = json.loads(typed("config", "show", "-c", config, "--json"))
    assert (told["number"], told["since_ms"], told["rotten"], told["text"]) == (7, AT_MS, "", text)


def test_config_drop_goes_back_to_the_own_file_while_no_agent_runs(config: str) -> None:
    apply_longer(config)
    with Journal(Path(config).parent / "state" / "journal.db", boot=BOOT):
        assert "stop that one first" in refused("config", "drop", "-c", config)
    assert "rules from the agent's next start on" in typed("config", "drop", "-c", config)
    assert "# source: local" in typed("config", "show", "-c", config)
