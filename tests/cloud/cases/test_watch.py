"""Cases of silence: devices that are not heard, and a broker that the cloud does not hear."""

from cloud.cases.rule import Action
from cloud.cases.service import CaseService
from cloud.cases.store import list_open
from cloud.cases.watch import LINE_AFTER_MS, CaseWatch
from cloud.devices.presence import OFFLINE_AFTER_MS
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town


def open_cases(town: Town) -> list[tuple[str, str]]:
    with town.store.reading() as connection:
        return [(one.case.kind, one.case.device) for one in list_open(connection, SITE)]


def test_silent_device_is_a_case_until_heard(town: Town) -> None:
    watch = CaseWatch(town.store, town.clock, lambda: "")
    town.beats("east-gate")
    watch.look()
    town.now_ms += OFFLINE_AFTER_MS
    watch.look()
    watch.look()
    assert open_cases(town) == [("device_offline", "east-gate")]
    town.beats("east-gate")
    watch.look()
    assert open_cases(town) == []


def test_case_closed_by_a_person_stays_closed(town: Town) -> None:
    watch = CaseWatch(town.store, town.clock, lambda: "")
    town.beats("east-gate")
    watch.look()
    town.now_ms += OFFLINE_AFTER_MS
    watch.look()
    CaseService(town.store, town.clock).act("gate", 1, Action.SOLVE, note="sent for repair")
    town.now_ms += OFFLINE_AFTER_MS
    watch.look()
    assert open_cases(town) == []


def test_lost_broker_is_one_case_and_no_device(town: Town) -> None:
    """Nobody is heard then: a case for each device would say nothing of them."""
    trouble = ["it cannot be reached"]
    watch = CaseWatch(town.store, town.clock, lambda: trouble[0])
    town.beats("east-gate")
    watch.look()
    assert open_cases(town) == []
    town.now_ms += LINE_AFTER_MS + OFFLINE_AFTER_MS
    watch.look()
    assert open_cases(town) == [("broker_lost", "")]
    trouble[0] = ""
    watch.look()
    assert open_cases(town) == []
