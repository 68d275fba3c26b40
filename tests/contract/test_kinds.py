"""A kind of station is known to both sides: what it may record and report, its modes, and all of its words."""

import re
from pathlib import Path
from typing import Any, Literal, Never

import pytest

from contract.archetypes import ALL_MODES, PortalKind, SessionKind, Undeclared
from contract.decide import Mode
from contract.event_types import Record, event
from contract.events import grade
from contract.kinds import (
    MODE_LASTS_MS,
    MODE_WORDS,
    UNKNOWN,
    BadKind,
    add_folder,
    grade_of,
    has_mode,
    kind_of,
    known_kinds,
    vocabulary,
)
from contract.kinds.door import DOOR
from contract.kinds.socket import SOCKET
from contract.phrases import Phrase, noun
from edge.config.kinds import our_kinds
from tests.added_kinds import remove_folders

PORTALS = {"door", "turnstile"}
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,:;?!]")

Phase = Literal["still", "pouring"]


class Fountain(SessionKind[Phase, Literal["dry"], Never]):
    @event("fountain.poured", "quiet", "value", "出水", "Water ran")
    def poured(self) -> None:
        """Water ran."""


NOUN = noun("饮水机", "Fountain", "Fountains")
PHASES: dict[Phase, Phrase] = {"still": Phrase("静止", "still"), "pouring": Phrase("出水中", "pouring")}
DRY: dict[Literal["dry"], Phrase] = {"dry": Phrase("没水了", "No water")}
FOUNTAIN = Fountain("fountain", NOUN, phases=PHASES, faults=DRY)

FILE = """\
from contract.archetypes import SessionKind
from contract.event_types import event
from contract.phrases import Phrase, noun


class Fountain(SessionKind):
    @event("fountain.poured", "quiet", "watch", "出水", "Water ran")
    def poured(self): ...


KIND = Fountain(
    "fountain",
    noun("饮水机", "Fountain", "Fountains"),
    phases={"open": Phrase("开着", "open"), "pouring": Phrase("出水中", "pouring")},
)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one kind."""
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "fountain.py").write_text(FILE)
    return tmp_path


def test_every_kind_of_ours_is_known() -> None:
    assert known_kinds().keys() == set(our_kinds())


@pytest.mark.parametrize("kind", [*known_kinds(), "fountain", "", "Door"])
def test_only_a_portal_is_held_or_locked(kind: str) -> None:
    """A socket that is held open would give power to whoever comes, and a fountain its water."""
    portal = kind in PORTALS
    assert (kind_of(kind).archetype == "portal") == portal
    assert has_mode(kind, Mode.HOLD_OPEN) == has_mode(kind, Mode.LOCKDOWN) == portal
    assert has_mode(kind, Mode.SCHEDULED)
    assert has_mode(kind, Mode.OUT_OF_SERVICE)


def test_whatever_only_a_portal_has_ends_by_itself() -> None:
    """No gate stands open all night, and no lockdown outlives its reason."""
    assert {mode: ms // 3_600_000 for mode, ms in MODE_LASTS_MS.items()} == {Mode.HOLD_OPEN: 2, Mode.LOCKDOWN: 4}


def test_every_mode_has_words() -> None:
    assert MODE_WORDS.keys() == set(Mode)


def test_kind_records_what_it_and_its_archetype_declare() -> None:
    own = {"fountain.poured", "fountain.fault", "fountain.fault_cleared", "fountain.mode"}
    shared = {"access.allowed", "access.refused", "command.done", "session.started", "session.ended"}
    assert own | shared <= FOUNTAIN.events.keys()
    assert "access.passed" not in FOUNTAIN.events
    FOUNTAIN.check(FOUNTAIN.poured())
    with pytest.raises(Undeclared, match=r"fountain records door\.forced, which it does not declare"):
        FOUNTAIN.check(DOOR.forced())
    with pytest.raises(AttributeError):
        FOUNTAIN.flooded()  # type: ignore[attr-defined]


def test_fault_and_text_outside_its_kind_are_refused() -> None:
    assert FOUNTAIN.fault("dry", present=True) == Record("fountain.fault", {"fault": "dry"})
    assert FOUNTAIN.fault("dry", present=False) == Record("fountain.fault_cleared", {"fault": "dry"})
    assert FOUNTAIN.fault_cleared(fault="dry", by="aa").data == {"fault": "dry", "by": "aa"}
    assert SOCKET.text("hot") == "hot"
    with pytest.raises(Undeclared, match="fountain has no words for the fault wet"):
        FOUNTAIN.fault("wet", present=True)  # type: ignore[arg-type]
    with pytest.raises(Undeclared, match="socket has no words for the text cold"):
        SOCKET.text("cold")  # type: ignore[arg-type]


def test_kind_with_a_word_too_few_or_too_many_is_refused() -> None:
    fewer: dict[Any, Phrase] = {"still": PHASES["still"]}
    more: dict[Any, Phrase] = {**PHASES, "boiling": Phrase("沸腾", "boiling")}
    for phases in (fewer, more):
        with pytest.raises(ValueError, match=r"fountain has not exactly the words it names: (pouring|boiling)"):
            Fountain("fountain", NOUN, phases=phases, faults=DRY)
    with pytest.raises(ValueError, match="fountain has not exactly the words it names: dry"):
        Fountain("fountain", NOUN, phases=PHASES)


def test_kind_that_declares_another_s_event_is_refused() -> None:
    class Thief(PortalKind[Never, Never, Never]):
        @event("door.forced", "alarm", "access", "门被强行打开", "Door forced open")
        def forced(self) -> None:
            """The event of a door."""

    with pytest.raises(ValueError, match=r"thief declares events of another family: door\.forced"):
        Thief("thief", NOUN)


def test_nothing_but_a_portal_can_be_held_open() -> None:
    with pytest.raises(ValueError, match="fountain is no way through"):
        Fountain("fountain", NOUN, modes=ALL_MODES, phases=PHASES, faults=DRY)


def test_every_grade_is_what_it_was_by_its_family() -> None:
    """Which rows a full journal gives up first does not change for what is recorded today."""
    assert {kind: grade_of(kind) for kind in vocabulary().events} == {kind: grade(kind) for kind in vocabulary().events}
    assert (grade_of("reader.noise"), grade_of("of_tomorrow.x")) == ("watch", "value")


def test_chinese_words_are_set_with_chinese_marks() -> None:
    words = vocabulary()
    said = [event.look.words for event in words.events.values()]
    said += [*words.families.values(), *words.phases.values(), *words.faults.values(), *words.texts.values()]
    assert len(said) > 150
    assert [phrase.zh for phrase in said if HALF_WIDTH.search(phrase.zh)] == []


def test_kind_of_a_folder_is_known_while_it_is_there(folder: Path) -> None:
    assert kind_of("fountain") is UNKNOWN
    add_folder(folder)
    assert kind_of("fountain").noun.many.zh == "饮水机"
    assert vocabulary().events["fountain.fault"].look.words == Phrase("饮水机故障", "Fountain fault")
    assert grade_of("fountain.poured") == "watch"
    assert has_mode("fountain", Mode.OUT_OF_SERVICE)
    remove_folders()
    assert kind_of("fountain") is UNKNOWN
    assert "fountain.poured" not in vocabulary().events


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("KIND = ", "KIND_OF = ", "the file of the kind fountain offers no KIND of that name"),
        ("KIND = Fountain(", "KIND = object(", "the kind fountain cannot be loaded"),
        ('"pouring": Phrase("出水中", "pouring")', '"pouring": Phrase("", "pouring")', "needs words in zh and en"),
        ('"fountain.poured"', '"door.poured"', "declares events of another family"),
        ('"开着", "open"', '"打开", "open"', "two kinds have other words for open"),
        ("from contract.phrases import", "from contract.phrases import Missing,", "the kind fountain cannot be loaded"),
    ],
)
def test_file_that_is_no_kind_is_refused(old: str, new: str, said: str, folder: Path) -> None:
    (folder / "kinds" / "fountain.py").write_text(FILE.replace(old, new))
    with pytest.raises(BadKind, match=said):
        add_folder(folder)


def test_folder_without_kinds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadKind, match="has no folder kinds, with a file for each kind"):
        add_folder(tmp_path)


def test_folder_cannot_take_the_name_of_a_kind(folder: Path) -> None:
    (folder / "kinds" / "door.py").write_text(FILE)
    with pytest.raises(BadKind, match="has kinds of a name that is taken: door"):
        add_folder(folder)
    assert kind_of("door") is DOOR
