"""What the console calls things that devices and the audit name by a word of the contract.

The English text is the key of the catalogue. A word that stands in no table is shown as it came: a console is often
older than the newest device.
"""

from collections.abc import Mapping
from typing import Literal

from cloud.store.console import EventView

Tone = Literal["good", "bad", "alarm", "quiet"]
"""How an event looks: somebody may pass, somebody may not, somebody must look, or nothing of these."""

KINDS: Mapping[str, tuple[Tone, str]] = {
    "access.allowed": ("good", "Allowed"),
    "access.refused": ("bad", "Refused"),
    "access.passed": ("quiet", "Went in"),
    "access.passed out": ("quiet", "Went out"),
    "access.not_entered": ("quiet", "Did not go through"),
    "door.exit_button": ("quiet", "Exit button pressed"),
    "door.exited": ("quiet", "Somebody went out"),
    "door.fault": ("alarm", "Door fault"),
    "door.fault_cleared": ("quiet", "Door fault cleared"),
    "door.forced": ("alarm", "Door forced open"),
    "door.hard_release": ("alarm", "Door released by its wiring"),
    "door.held": ("alarm", "Door held open"),
    "door.shut": ("quiet", "Door shut"),
    "turnstile.exited": ("quiet", "Somebody went out"),
    "turnstile.fault": ("alarm", "Turnstile fault"),
    "turnstile.fault_cleared": ("quiet", "Turnstile fault cleared"),
    "turnstile.forced": ("alarm", "Arm forced"),
    "turnstile.jam_cleared": ("quiet", "Arm free again"),
    "turnstile.jammed": ("alarm", "Arm jammed"),
    "turnstile.tailgated": ("alarm", "Two went in on one card"),
    "device.late_record": ("quiet", "An event was recorded late"),
}

FAULTS: Mapping[str, str] = {
    "arm_still": "The arm does not move",
    "contact_reversed": "Door contact reversed",
    "contact_still": "Door contact never moves",
    "exit_button_stuck": "Exit button stuck",
    "jammed": "Arm jammed",
}

ACTIONS: Mapping[str, str] = {
    "login": "Logged in",
    "login.refused": "Wrong name or password",
    "logout": "Logged out",
    "password.changed": "Changed a password",
    "operator.added": "Added an operator",
    "operator.disabled": "Disabled an operator",
    "operator.enabled": "Enabled an operator",
    "person.added": "Added a person",
    "membership.added": "Gave a plan",
    "card.added": "Enrolled a card",
    "card.changed": "Changed a card",
}

STANDINGS: Mapping[str, str] = {"active": "In use", "suspended": "Suspended", "lost": "Reported lost"}
ROLES: Mapping[str, str] = {"admin": "Administrator", "staff": "Property staff", "guard": "Guard"}

CLOCKS: Mapping[str, str] = {"holdover": "Clock on its own", "unset": "Clock not set"}
"""What to say of a time stamp that is not to be believed to the second. Nothing is said of a ``synced`` clock."""


def plain(word: str) -> str:
    """A word that stands in no table, readable."""
    return word.replace("_", " ").replace(".", ": ", 1)


def fault(word: object) -> str:
    return FAULTS.get(str(word)) or plain(str(word))


def kind_of(event: EventView) -> tuple[Tone, str]:
    """The tone and the English words of an event."""
    directed = f"{event.kind} {event.data.get('direction')}"
    return KINDS.get(directed) or KINDS.get(event.kind) or ("quiet", plain(event.kind))


def texts() -> list[str]:
    """Every text of these tables, for the catalogue to be complete."""
    tables = (FAULTS, ACTIONS, STANDINGS, ROLES, CLOCKS)
    return sorted({text for _, text in KINDS.values()} | {text for table in tables for text in table.values()})
