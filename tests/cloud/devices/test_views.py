"""What the console is told of a device, out of what the device has reported."""

import pytest

from cloud.devices.views import DeviceView, PointView
from cloud.store.labels import Label

GATE = Label("东门", "East gate")


def view(state_faults: object, beat_faults: object) -> DeviceView:
    gate = PointView("east-gate", GATE, GATE, {"phase": "closed", "faults": state_faults})
    beat = {"faults": beat_faults}
    return DeviceView("east", GATE, True, 0, 1, 0, state={}, beat=beat, points=(gate,))


def test_a_doors_fault_is_shown_from_its_state_without_waiting_for_a_beat() -> None:
    (fault,) = view(["contact_still"], {}).faults
    assert (fault.point, fault.fault, fault.label) == ("east-gate", "contact_still", GATE)


def test_a_fault_in_both_state_and_beat_is_shown_once_beside_those_of_the_device() -> None:
    faults = view(["contact_still"], {"east-gate.contact_still": "present", "disk": "full"}).faults
    assert [(fault.point, fault.fault) for fault in faults] == [("east-gate", "contact_still"), ("", "disk")]


def test_an_emergency_is_told_of_its_zone() -> None:
    estate = Label("小区", "Estate")
    gate = PointView("east-gate", GATE, estate, zone_name="estate")
    device = DeviceView("east", GATE, True, 0, 1, 0, {}, {"faults": {"emergency.estate": "in force"}}, (gate,))
    assert [(fault.fault, fault.point, fault.label) for fault in device.faults] == [("emergency", "estate", estate)]
    assert device.emergency


@pytest.mark.parametrize("rubbish", [None, 7, "contact_still", {"contact_still": "x"}])
def test_what_is_no_list_of_faults_is_none(rubbish: object) -> None:
    assert view(rubbish, rubbish if not isinstance(rubbish, dict) else None).faults == []
