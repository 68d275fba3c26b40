"""Events are declared once, with their fields, tone, grade and words, and recorded only as they are declared."""

from typing import Any, NotRequired, TypedDict, get_args

import pytest

from contract.device_events import DEVICE_EVENTS, DeviceEvents
from contract.device_words import DEVICE_FAMILIES, DEVICE_FAULTS, DeviceFault
from contract.event_types import EventType, Look, Record, WrongFields, by_kind, event
from contract.phrases import Phrase, noun


class Poured(TypedDict):
    ml: int
    who: NotRequired[str]


POURED = EventType("fountain.poured", "quiet", "value", "出水", "Water ran", Poured)


class Bell:
    @event("bell.rung", "quiet", "watch", "铃响", "Bell rung")
    def rung(self) -> None:
        """Somebody rang it."""

    @event("bell.swung", "quiet", "watch", "铃动", "Bell swung", says=("how",))
    def swung(self, how: str, by: str = ...) -> None:
        """``how`` it swung."""


RUNG = Bell.rung


def test_event_is_recorded_by_calling_it() -> None:
    assert POURED(ml=200) == Record("fountain.poured", {"ml": 200})
    assert POURED(ml=200, who="4711") == Record("fountain.poured", {"ml": 200, "who": "4711"})
    assert RUNG() == Record("bell.rung")
    assert POURED.family == "fountain"
    assert (POURED.required, POURED.optional) == (frozenset({"ml"}), frozenset({"who"}))


def test_event_declared_as_a_method_has_its_parameters_as_fields() -> None:
    """A parameter with a default is a field that may be missing; ``self`` is none."""
    assert (Bell.swung.required, Bell.swung.optional) == (frozenset({"how"}), frozenset({"by"}))
    assert Bell().swung(how="wide") == Record("bell.swung", {"how": "wide"})
    with pytest.raises(WrongFields, match=r"bell\.swung has the fields by, how, and is recorded with by"):
        Bell.swung(by="wind")  # type: ignore[call-arg]


@pytest.mark.parametrize("data", [{}, {"who": "4711"}, {"ml": 1, "litres": 1}])
def test_event_with_other_fields_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(WrongFields, match=r"fountain\.poured has the fields ml, who, and is recorded with"):
        POURED(**data)
    with pytest.raises(WrongFields, match=r"bell\.rung has the fields none"):
        RUNG(times=2)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("kind", "zh", "en"),
    [("Poured", "出水", "Water ran"), ("a.b.c", "出水", "Water ran"), ("a.b", " ", "x"), ("a.b", "x", "")],
)
def test_event_needs_a_kind_and_words(kind: str, zh: str, en: str) -> None:
    with pytest.raises(ValueError, match=r"family\.what|words in zh and en"):
        EventType(kind, "quiet", "value", zh, en, Poured)


def test_two_declarations_of_one_event_are_refused() -> None:
    assert by_kind([POURED, RUNG, POURED]).keys() == {"fountain.poured", "bell.rung"}
    with pytest.raises(ValueError, match=r"fountain\.poured is declared twice"):
        by_kind([POURED, EventType("fountain.poured", "bad", "value", "出水", "Water ran", Poured)])


@pytest.mark.parametrize(
    ("status", "look"),
    [
        ("applied", Look("quiet", Phrase("已按要求执行", "Configuration applied"))),
        ("refused", Look("alarm", Phrase("拒绝了要求", "Configuration refused"))),
    ],
)
def test_look_of_an_event_depends_on_its_data(status: str, look: Look) -> None:
    assert DeviceEvents.config.look_of({"status": status}) == look
    assert DeviceEvents.config.look_of({}) == DeviceEvents.config.look


def test_faults_of_the_device_have_words() -> None:
    assert set(get_args(DeviceFault)) == DEVICE_FAULTS.keys()


def test_families_of_the_device_have_words() -> None:
    assert {event.family for event in DEVICE_EVENTS.values()} == DEVICE_FAMILIES.keys()


def test_phrase_is_said_in_either_language() -> None:
    tap = noun("水龙头", "Tap", "Taps")
    assert [tap.many.in_language(code) for code in ("zh-CN", "zh", "en", "de")] == ["水龙头", "水龙头", "Taps", "Taps"]
