"""The table of commands: typed arguments within bounds, words in both languages, and kinds that have them."""

from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from contract import codec
from contract.commands import COMMANDS, CommandRight, CommandType, NoArgs, WrongArgs, refusal_words
from contract.kinds import kind_of
from contract.messages import Command
from contract.phrases import Phrase
from tests.contract import golden

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
HEX = st.sampled_from("0123456789abcdef")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "digest": st.text(HEX, min_size=32, max_size=32),
    "session": st.text(HEX, min_size=16, max_size=16),
    "zone": st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True),
    "on": st.booleans(),
    "now_ms": st.integers(0, 1 << 48),
    "key": st.text(HEX, min_size=64, max_size=64),
    "window_ms": st.integers(1_000, 300_000),
    "reader": st.sampled_from(["in", "out"]),
    "enrolment": st.text(HEX, min_size=32, max_size=32),
}


@st.composite
def given_args(draw: st.DrawFn) -> tuple[CommandType, dict[str, Any]]:
    """A command with arguments that it takes."""
    known = draw(st.sampled_from(list(COMMANDS.values())))
    return known, {field: draw(VALUES[field]) for field in get_type_hints(known.args)}


@given(given_args())
def test_arguments_survive_the_wire(made: tuple[CommandType, dict[str, Any]]) -> None:
    known, args = made
    command = Command("0" * 32, "gym-01", known.op, "lin", "a visitor", 1, 10_000, 0, "gym", args)
    arrived = codec.read(codec.write(command), Command)
    assert arrived == command
    assert msgspec.to_builtins(known.read_args(arrived.args)) == args


@given(st.sampled_from(list(COMMANDS.values())), st.dictionaries(st.sampled_from([*VALUES, "else"]), JSON))
def test_any_arguments_are_read_or_refused(known: CommandType, args: dict[str, Any]) -> None:
    """Whatever is read lies within its bounds, so that it may be written and read again."""
    try:
        found = known.read_args(args)
    except WrongArgs:
        return
    assert isinstance(found, known.args)
    assert msgspec.json.decode(msgspec.json.encode(found), type=known.args) == found


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("session_start", {"digest": "0" * 31}),
        ("session_start", {"digest": "0" * 32 + "\n"}),
        ("session_start", {"digest": "G" * 32}),
        ("session_stop", {"session": "0" * 17}),
        ("drill", {"zone": "gym", "on": 1}),
        ("drill", {"zone": "Gym/", "on": True}),
        ("clock_set", {"now_ms": (1 << 48) + 1}),
        ("clock_set", {"now_ms": 1.5}),
        ("enrol", {"key": "0" * 64, "window_ms": 300_001}),
        ("enrol", {"key": "0" * 63, "window_ms": 60_000}),
        ("enrol", {"key": "0" * 64, "window_ms": 60_000, "reader": "roof"}),
        ("enrol_cancel", {"enrolment": "0" * 31}),
    ],
)
def test_arguments_beyond_their_bounds_are_wrong(op: str, args: dict[str, Any]) -> None:
    with pytest.raises(WrongArgs, match=op):
        COMMANDS[op].read_args(args)


def test_kept_commands_are_of_the_table() -> None:
    """What lies in the golden files is a command that is still known, with arguments that are still read."""
    kept = [one for one in (golden.MESSAGES | golden.OLDER).values() if isinstance(one, Command)]
    assert {one.op for one in kept} >= {"open_once", "session_start"}
    for one in kept:
        COMMANDS[one.op].read_args(one.args)


def test_every_command_stands_by_its_name() -> None:
    assert all(op == known.op for op, known in COMMANDS.items())
    assert {known.right for known in COMMANDS.values()} == set(get_args(CommandRight))


@pytest.mark.parametrize(
    ("kind", "ops"),
    [
        ("door", ["open_once", "enrol", "enrol_cancel"]),
        ("turnstile", ["open_once", "enrol", "enrol_cancel"]),
        ("socket", ["session_start", "session_stop", "enrol", "enrol_cancel"]),
        ("ev_post", ["session_start", "session_stop", "enrol", "enrol_cancel"]),
        ("bank", []),
        ("", []),
        ("a_kind_of_tomorrow", []),
    ],
)
def test_kind_has_the_commands_of_its_archetype(kind: str, ops: list[str]) -> None:
    """Of a kind that nobody knows here nothing is assumed, so it is given no command."""
    assert [one.op for one in COMMANDS.values() if one.is_for(kind_of(kind))] == ops


@pytest.mark.parametrize(("zh", "en"), [("", "Ring"), ("响铃", " ")])
def test_command_without_words_is_none(zh: str, en: str) -> None:
    with pytest.raises(ValueError, match="words in zh and en"):
        _command(words=Phrase(zh, en))


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"scope": "device"}, "archetypes"),
        ({"archetypes": frozenset()}, "archetypes"),
        ({"wrong_args": "no_bell"}, "no words for no_bell"),
        ({"nothing_done": "no_bell"}, "no words for no_bell"),
    ],
)
def test_incomplete_row_is_no_command(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        _command(**wrong)


def _command(**changes: Any) -> CommandType:
    words = Phrase("响铃", "Ring")
    row: dict[str, Any] = {"op": "ring", "scope": "point", "right": "doors", "words": words, "audit": words}
    return CommandType(**{**row, "archetypes": frozenset({"portal"}), **changes})


@pytest.mark.parametrize(
    ("op", "why", "english"),
    [
        ("open_once", "busy", "too many people are waiting"),
        ("session_start", "busy", "In use"),
        ("session_start", "not_entitled", "This place is not in the membership"),
        ("drill", "no_drill", "there is no drill"),
        ("brewed_tea", "expired", "it arrived too late"),
    ],
)
def test_refusal_is_said_as_its_command_says_it(op: str, why: str, english: str) -> None:
    words = refusal_words(op, why)
    assert words is not None
    assert words.en == english


def test_refusal_of_another_command_has_no_words() -> None:
    assert refusal_words("open_once", "no_drill") is None
    assert refusal_words("reboot", "a_word_of_tomorrow") is None


def test_no_arguments_take_any() -> None:
    """What a newer cloud adds is passed over."""
    found: Struct = COMMANDS["open_once"].read_args({"slowly": True})
    assert found == NoArgs()
