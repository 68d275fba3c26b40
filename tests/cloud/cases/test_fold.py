"""Events folded into cases: which ones begin a case, which end it, and what a storm leaves."""

from typing import Any

from msgspec import structs

from cloud.cases.fold import alarms_in, fold
from cloud.cases.kinds import KINDS, steps_by_event
from cloud.cases.rule import Alarm, Case, CasePlace
from contract.decide import Trust
from contract.events import Event
from contract.kinds import vocabulary

NOW_MS = 1_800_000_000_000
PLACES = {"east-gate": CasePlace(point="east-gate", zone="estate", cell="guards")}


def alarms(kind: str, *, point: str = "east-gate", age_ms: int = 0, replay: bool = False, **data: Any) -> list[Alarm]:
    event = Event(1, NOW_MS - age_ms, 1, "b7", Trust.SYNCED, point, kind, data)
    return list(alarms_in(event, PLACES, "east-gate", NOW_MS, replay=replay))


def stored(cases: list[Case]) -> dict[str, Case]:
    return {case.key: structs.replace(case, id=number) for number, case in enumerate(cases, 1) if not case.solved_ms}


def test_every_alarm_is_an_event_and_a_kind() -> None:
    steps = steps_by_event()
    assert steps.keys() <= vocabulary().events.keys()
    assert {step.kind for of_event in steps.values() for step in of_event} | {
        "urgent_fault",
        "device_offline",
        "broker_lost",
        "pass_shared",
        "overstayed",
        "still_inside",
        "exit_unnamed",
    } == KINDS.keys()


def test_silent_alarm_is_no_case() -> None:
    """Whoever forces somebody may look at the guard's screen."""
    assert not steps_by_event().keys() & vocabulary().silent


def test_held_door_is_over_when_shut() -> None:
    held = fold({}, alarms("door.held", open_ms=31_000), NOW_MS)
    (shut,) = fold(stored(held), alarms("door.shut", open_ms=90_000), NOW_MS + 60_000)
    assert (shut.id, shut.recovered_ms, shut.solved_ms, shut.solved_by) == (1, NOW_MS, NOW_MS + 60_000, "")


def test_forced_door_waits_for_a_person() -> None:
    """That it has been shut again does not tell who went in."""
    forced = fold({}, alarms("door.forced"), NOW_MS)
    (shut,) = fold(stored(forced), alarms("door.shut", open_ms=4_000), NOW_MS)
    assert shut.recovered_ms == NOW_MS
    assert shut.solved_ms is None


def test_one_case_for_each_device_and_fault() -> None:
    two = [*alarms("device.fault", point="", fault="disk"), *alarms("device.fault", point="", fault="bus")]
    first, second = fold({}, [*two, *two, *two], NOW_MS)
    assert (first.part, first.count, second.part, second.count) == ("disk", 3, "bus", 3)
    (gone,) = fold(stored([first, second]), alarms("device.fault_cleared", point="", fault="bus"), NOW_MS)
    assert (gone.part, gone.solved_ms) == ("bus", NOW_MS)


def test_case_ends_and_another_begins_in_one_batch() -> None:
    story = [*alarms("door.held", open_ms=1), *alarms("door.shut", open_ms=2), *alarms("door.held", open_ms=1)]
    over, still_open = fold({}, story, NOW_MS)
    assert (over.solved_ms, still_open.solved_ms) == (NOW_MS, None)


def test_replayed_and_old_events_are_late() -> None:
    assert not alarms("door.forced")[0].late
    assert alarms("door.forced", replay=True)[0].late
    assert alarms("door.forced", age_ms=90_000)[0].late


def test_fire_is_a_case_a_drill_none() -> None:
    (fire,) = alarms("emergency.began", point="", zone="gym", cause="fire")
    assert (fire.place.zone, KINDS[fire.kind].grade) == ("gym", "life_safety")
    assert not alarms("emergency.began", point="", zone="gym", cause="drill")


def test_point_that_nobody_knows_is_its_device() -> None:
    """A device that makes up points cannot fill the list."""
    made_up = [one for number in range(50) for one in alarms("door.forced", point=f"no-{number}")]
    (case,) = fold({}, made_up, NOW_MS)
    assert (case.point, case.device, case.count) == ("", "east-gate", 50)


def test_hot_socket_cannot_wait() -> None:
    assert alarms("socket.fault", fault="over_temp")[0].kind == "urgent_fault"
    assert alarms("socket.fault", fault="meter")[0].kind == "fault"
