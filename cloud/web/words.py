"""What the console calls things that devices and the audit name by a word.

What devices record and report has its words in the contract, in both languages (see ``contract.kinds``). What only the
cloud speaks of stands here: its English text is the key of the catalogue. A word that stands in no table is shown as it
came: a console is often older than the newest device.
"""

from collections.abc import Callable, Mapping
from typing import Any

from cloud.devices.event_views import EventView
from cloud.web.audit_words import ACTIONS, DETAILS
from contract.archetypes import CREDENTIALS
from contract.commands import COMMANDS, CommandType, refusal_words
from contract.decide import MINUTE_MS
from contract.emergencies import CAUSE_WORDS, ENDING_WORDS
from contract.event_types import Tone
from contract.kinds import MODE_LASTS_MS, MODE_WORDS, kind_of, vocabulary
from contract.phrases import Phrase

Said = str | Phrase
"""A text of the catalogue, or one that brings both of its languages."""

UNSEEN = Phrase("已结束，或设备重启后再无消息", "Ended, or not reported since the device restarted")

STANDINGS: Mapping[str, str] = {
    "active": "In use",
    "suspended": "Suspended",
    "lost": "Reported lost",
    "barred": "Barred",
    "unqualified": "Qualification missing",
    "surplus": "One too many for its places",
}
STANDING_ACTIONS: Mapping[str, str] = {"active": "Activate", "suspended": "Suspend", "lost": "Report lost"}
"""What a button says that leads to a standing."""
ROLES: Mapping[str, str] = {
    "admin": "Administrator",
    "staff": "Property staff",
    "guard": "Guard",
    "steward": "Steward of a zone",
    "cell_worker": "Cell worker",
    "clerk": "Clerk of a company",
    "mediator": "Mediator",
    "auditor": "Auditor",
}
PURPOSES: Mapping[str, str] = {
    "refused": "A card or door does not work",
    "asked": "The person asks",
    "safety": "Safety of somebody",
    "damage": "Damage or theft",
    "complaint": "Complaint",
    "authority": "Request of an authority",
    "audit": "Audit",
}
"""Why somebody looks at a person's movements."""

BAR_GROUNDS: Mapping[str, str] = {
    "violence": "Violence",
    "threats": "Threats",
    "theft": "Theft",
    "damage": "Damage",
    "fire_risk": "Fire risk",
    "lent_card": "Lent their card",
}
"""Why somebody is barred."""

CLOCKS: Mapping[str, str] = {"holdover": "Clock not synchronized", "unset": "Clock not set"}
"""What to say of a time stamp that is not to be believed to the second. Nothing is said of a ``synced`` clock."""


TRUSTS: Mapping[str, str] = {"synced": "synchronized", "holdover": "not synchronized", "unset": "not set"}

ACTORS: Mapping[str, str] = {"command line": "command line", "phone": "a resident, by phone"}
"""Who stands in the audit and is no operator."""

ROLLOUTS: Mapping[str, str] = {
    "canary": "On its first device",
    "rest": "On all its devices",
    "done": "Done",
    "stopped": "Stopped",
}

LEGS: Mapping[str, str] = {
    "unsent": "Waiting for its turn",
    "sent": "Sent; waiting for the device",
    "applied": "In force",
    "refused": "Refused by the device",
    "reverted": "Tried, and reverted",
    "kept": "Keeps the previous wiring",
}

OUTCOMES: Mapping[str, str] = {
    "sent": "Sent; waiting for the device to confirm",
    "overtaken": "No answer yet: the device has connected anew. If it does not answer, order it again",
    "done": "Done: confirmed by the device",
    "refused": "Refused by the device",
    "failed": "Failed",
    "undeliverable": "Not sent: the device is offline",
    "unknown": "Unknown: check on site, or wait for the device's log",
}

BREAKS: Mapping[str, str] = {
    "full": "Rows %(first)s to %(last)s are lost: its journal was full",
    "let_go": "Rows %(first)s to %(last)s are lost: the cloud was restored, and the device no longer has them",
    "forked": "Rows %(first)s to %(last)s exist twice: two disks were used under one name",
}
"""Where a device's journal is broken, and why."""

PRESENCES: Mapping[str, str] = {
    "online": "Online",
    "late": "Delayed",
    "offline": "Offline",
    "never": "Never online",
}

SILENCES: Mapping[str, str] = {
    "stopped": "Its agent was stopped. Until it runs again, no card opens anything there.",
    "cut": "Cause unknown: network, power or agent. If its agent is running, it still decides by itself; if not, "
    "no card opens anything there.",
}
"""Why a device is offline, and what that means on site."""

GROUPS: Mapping[str, str] = {
    "portal": "Doors",
    "charging": "Charging",
    "session": "Other use",
    "box": "Lockers",
    "till": "Tills",
    "watch": "Sensors",
    "feeder": "Supplies",
    "unknown": "Unknown kinds",
}
"""What points are to their users, as the page of points groups them."""

LASTS_MINUTES: Mapping[str, int] = {mode: lasts_ms // MINUTE_MS for mode, lasts_ms in MODE_LASTS_MS.items()}
"""The longest that a mode may last which ends by itself."""

NARROWED: Mapping[str, str] = {"faults": "With faults", "modes": "Held, locked or closed"}
"""What the page of points can be narrowed to."""

CONDITIONS: Mapping[str, str] = {
    "free": "Free",
    "finished": "Finished",
    "charging": "Charging now",
    "closed": "Out of service",
    "fault": "Fault",
    "emergency": "Emergency",
    "offline": "Offline",
}
"""What a socket is to somebody who wants to charge."""

BEGUN_BY: Mapping[str, str] = {"card": "with a card", "operator": "by an operator", "post": "at the post"}
STOPS: Mapping[str, str] = {"user": "Stopped by the rider"}
"""Why a session ended, in an operator's words where the rider's would speak to the wrong person."""
SESSIONS: Mapping[str, str] = {
    "running": "Running",
    "interrupted": "Interrupted",
    "unheard": "End not reported",
}
"""How a session stands that has no end."""

CAUSES: Mapping[str, str] = {
    "bad_chain": "Broken chain of rows",
    "bad_request": "Invalid request",
    "bad_seal": "Wrong signature",
    "fork": "Two journals under one name",
    "malformed": "Not readable",
    "poison": "Unreadable event",
    "too_many_journals": "Too many journals",
    "unknown_command": "Answer to an unknown command",
    "two_devices": "Two devices under one name",
    "unknown_device": "Unknown device",
}
"""Why something was put into quarantine."""


def of(table: Mapping[Any, Said], word: object) -> Said:
    """The words of a table for a word; one that it has not is shown as it came."""
    return table.get(str(word)) or plain(str(word))


def plain(word: str) -> str:
    """A word that stands in no table, readable."""
    return word.replace("_", " ").replace(".", ": ", 1)


def fault(word: object) -> Said:
    """The words for a fault. Whatever a device calls it, there are some."""
    return of(vocabulary().faults, word)


def detail(key: str, value: str) -> tuple[str, Said]:
    """The words for a detail of the audit, and for its value where that is a word of ours."""
    values: Mapping[str, Mapping[str, Said]] = {
        "role": ROLES,
        "standing": STANDINGS,
        "class": classes(),
        "purpose": PURPOSES,
        "ground": BAR_GROUNDS,
    }
    return DETAILS.get(key) or plain(key), values.get(key, {}).get(value, "")


def mode(word: object) -> Said:
    return of(MODE_WORDS, word)


def is_cause(word: object) -> bool:
    """Whether this is a cause of an emergency."""
    return word in CAUSE_WORDS


def cause(word: object) -> Said:
    """The words for the cause of an emergency."""
    return of(CAUSE_WORDS, word)


def ending(word: object) -> Said:
    """The words for how an emergency ended."""
    return UNSEEN if word == "unseen" else of(ENDING_WORDS, word)


def phase(word: object) -> Said:
    return of(vocabulary().phases, word)


def kind(name: str) -> Phrase:
    """What one of a kind of point is called."""
    return kind_of(name).noun.one


def classes() -> dict[str, Phrase]:
    """What plans ration points as, and the words for many of them."""
    return {name: noun.many for name, noun in vocabulary().classes.items()}


def sort_of(class_name: str) -> Said:
    """The words for a class of sockets."""
    return of(classes(), class_name)


def action(word: str) -> Said:
    """The words for what somebody did, as the audit names it."""
    family, _, op = word.partition(".")
    if family == "command" and op in COMMANDS:
        return COMMANDS[op].audit
    return ACTIONS.get(word) or plain(word)


def command(op: object) -> Said:
    """The words for a command."""
    known = COMMANDS.get(str(op))
    return known.words if known else plain(str(op))


def commands_for(scope: str) -> list[CommandType]:
    """The commands to a point, a device or a zone."""
    return [known for known in COMMANDS.values() if known.scope == scope]


def refusal(word: str, op: str = "") -> Said:
    """Why a device did not do what was ordered."""
    return refusal_words(op, word) or plain(word)


def name_of(kind: str) -> Said:
    """The words for a kind of event, or for a family of kinds."""
    event = vocabulary().events.get(kind)
    return of(vocabulary().families, kind) if event is None else event.look.words


def look_of(event: EventView) -> tuple[Tone, Said]:
    """The tone and the words of an event."""
    declared = vocabulary().events.get(event.kind)
    if declared is None:
        return "quiet", plain(event.kind)
    look = declared.look_of(event.data)
    return look.tone, look.words


def details_of(event: EventView) -> list[Said]:
    """What is said of an event beside its name, by the words that its data holds."""
    declared, data = vocabulary().events.get(event.kind), event.data
    fields = ("fault",) if declared is None else declared.says
    said = [SAID_OF[field](data[field]) for field in fields if data.get(field)]
    return said if declared is None or declared.adds is None else [*said, declared.adds.filled(data)]


def credential(word: object) -> Said:
    """With what somebody asked who had no card."""
    return of(CREDENTIALS, word)


SAID_OF: Mapping[str, Callable[[object], Said]] = {
    "mode": mode,
    "cause": cause,
    "how": ending,
    "fault": fault,
    "op": command,
    "credential": credential,
}
"""The words for the fields of events."""


def all_said(field: str) -> list[Said]:
    """All words that a field of events may be said in."""
    tables: Mapping[str, Mapping[str, Said]] = {
        "mode": MODE_WORDS,
        "cause": CAUSE_WORDS,
        "how": {**ENDING_WORDS, "unseen": UNSEEN},
        "fault": vocabulary().faults,
        "op": {name: known.words for name, known in COMMANDS.items()},
        "credential": CREDENTIALS,
    }
    return list(tables[field].values())


def texts() -> list[str]:
    """Every text of these tables, for the catalogue to be complete."""
    tables = (
        BREAKS,
        ACTIONS,
        DETAILS,
        STANDINGS,
        STANDING_ACTIONS,
        ROLES,
        PURPOSES,
        BAR_GROUNDS,
        CLOCKS,
        TRUSTS,
        PRESENCES,
        SILENCES,
        CONDITIONS,
        BEGUN_BY,
        SESSIONS,
        CAUSES,
        ACTORS,
        GROUPS,
        NARROWED,
        OUTCOMES,
        ROLLOUTS,
        LEGS,
        STOPS,
    )
    return sorted({text for table in tables for text in table.values()})
