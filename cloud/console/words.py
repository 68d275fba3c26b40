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
    "bank.cut": ("alarm", "Supply cut: a socket below does not switch off"),
    "bank.fault": ("alarm", "Fault of a bank's supply"),
    "bank.fault_cleared": ("quiet", "Fault of a bank's supply cleared"),
    "bank.mode": ("alarm", "Bank set to another mode"),
    "command.done": ("alarm", "Done on an operator's word"),
    "command.failed": ("alarm", "An order failed"),
    "command.refused": ("alarm", "Refused an order"),
    "command.unknown": ("alarm", "Nobody knows what became of an order"),
    "door.mode": ("alarm", "Door set to another mode"),
    "door.exit_button": ("quiet", "Exit button pressed"),
    "door.exited": ("quiet", "Somebody went out"),
    "door.fault": ("alarm", "Door fault"),
    "door.fault_cleared": ("quiet", "Door fault cleared"),
    "door.forced": ("alarm", "Door forced open"),
    "door.tailgated": ("alarm", "Somebody caught the door before it latched"),
    "door.hard_release": ("alarm", "Door released by its wiring"),
    "door.held": ("alarm", "Door held open"),
    "door.shut": ("quiet", "Door shut"),
    "turnstile.mode": ("alarm", "Turnstile set to another mode"),
    "turnstile.exited": ("quiet", "Somebody went out"),
    "turnstile.fault": ("alarm", "Turnstile fault"),
    "turnstile.fault_cleared": ("quiet", "Turnstile fault cleared"),
    "turnstile.forced": ("alarm", "Arm forced"),
    "turnstile.jam_cleared": ("quiet", "Arm free again"),
    "turnstile.jammed": ("alarm", "Arm jammed"),
    "turnstile.tailgated": ("alarm", "Two went in on one card"),
    "device.asks_time": ("quiet", "Asked for the time"),
    "device.clock_fixed": ("quiet", "Learned the time"),
    "device.certificate_refused": ("alarm", "No broker takes its new certificate"),
    "device.certificate_renewed": ("quiet", "Its certificate is renewed"),
    "device.fault": ("alarm", "Device fault"),
    "device.journal_recovered": ("alarm", "Its journal was damaged and mended"),
    "device.keeper_found": ("quiet", "Its pins are kept again"),
    "device.keeper_lost": ("alarm", "Nobody keeps its pins"),
    "device.late_record": ("quiet", "An event was recorded late"),
    "device.lease_expired": ("alarm", "An output fell back to rest by itself"),
    "device.power_cut": ("alarm", "The power was cut"),
    "device.roster_applied": ("quiet", "Took a new roster"),
    "device.roster_damaged": ("alarm", "Its roster was damaged"),
    "device.roster_refused": ("alarm", "Refused a roster"),
    "device.clock_set": ("alarm", "An operator set its clock"),
    "device.config": ("quiet", "Took up what is ordered of it"),
    "device.config refused": ("alarm", "Refused what is ordered of it"),
    "device.config reverted": ("alarm", "Went back to its former wiring"),
    "device.config trying": ("quiet", "Tries a new wiring"),
    "device.config waiting": ("quiet", "Waits before it does what is ordered of it"),
    "device.clock_damaged": ("alarm", "The file of its time was damaged"),
    "device.mode_ended": ("alarm", "A mode ended by itself: its time was over"),
    "device.memory_damaged": ("alarm", "Its memory of orders was damaged"),
    "device.started": ("quiet", "Started"),
    "device.stopped": ("quiet", "Stopped"),
    "device.unlogged": ("alarm", "Events could not be written down"),
    "device.fault_cleared": ("quiet", "Device fault cleared"),
    "device.forked": ("alarm", "Went on in a new journal: there was another past under its name"),
    "ev_post.began": ("quiet", "A post began a transaction"),
    "ev_post.booted": ("quiet", "A post started"),
    "ev_post.configured": ("quiet", "A post was configured"),
    "ev_post.fault": ("alarm", "Post fault"),
    "ev_post.fault_cleared": ("quiet", "Post fault cleared"),
    "ev_post.late_end": ("quiet", "A post told late what a session drew"),
    "ev_post.meter_doubted": ("bad", "A post's meter says what cannot be"),
    "ev_post.mode": ("alarm", "Post set to another mode"),
    "ev_post.not_begun": ("bad", "A post did not begin"),
    "ev_post.replaced": ("quiet", "A post connected again"),
    "ev_post.unbooked": ("alarm", "A post gave power that belongs to no session"),
    "ev_post.unknown_end": ("quiet", "A post ended what it never began"),
    "emergency.began": ("alarm", "Doors released"),
    "emergency.standing": ("alarm", "Doors still released when it started"),
    "emergency.worsened": ("alarm", "Doors released, now for a worse cause"),
    "emergency.reset": ("quiet", "Doors no longer released"),
    "emergency.not_reset": ("alarm", "Somebody tried to reset it; the alarm is still on"),
    "journal.gap": ("alarm", "Events are lost"),
    "reader.invalid_read": ("quiet", "A reading that is no card"),
    "session.ended": ("quiet", "Charging ended"),
    "session.full": ("quiet", "Fully charged"),
    "session.idle": ("quiet", "Full, and still plugged in"),
    "session.interrupted": ("alarm", "Charging interrupted"),
    "session.progress": ("quiet", "Charges"),
    "session.resumed": ("quiet", "Charging goes on again"),
    "session.started": ("good", "Charging began"),
    "session.waiting": ("quiet", "Waits for this socket"),
    "session.warned": ("alarm", "The socket is getting hot"),
    "socket.fault": ("alarm", "Socket fault"),
    "socket.fault_cleared": ("quiet", "Socket fault cleared"),
    "socket.mode": ("alarm", "Socket set to another mode"),
}

FAULTS: Mapping[str, str] = {
    "agent": "Errors in its program",
    "bus": "A bus of its instruments says nothing",
    "commands": "Refused orders that were not meant for it",
    "config": "Refused a document of how it is to be",
    "keeper_wiring": "Its keeper goes by another wiring",
    "meter_doubted": "Its meter says what cannot be",
    "wiring": "Its applied wiring is damaged; its own file is in force",
    "arm_still": "The arm does not move",
    "bank_lost": "The supply of its bank is off",
    "clock": "Does not believe the cloud's time",
    "clock_file": "The file of its time was damaged: its clock may be far behind",
    "clock_off": "The post's clock is wrong",
    "contactor_open": "The contactor does not close",
    "contactor_welded": "The contactor does not open",
    "cut": "Cut off: a socket below does not switch off",
    "disobeys": "The post does not do what it is told",
    "certificate": "Its certificate ends soon, or has ended",
    "contact_reversed": "Door contact reversed",
    "contact_still": "Door contact never moves",
    "decisions": "Errors while deciding",
    "disk": "Its disk does not write",
    "disk_low": "Its disk is nearly full",
    "emergency": "Emergency: doors released",
    "exit_button_stuck": "Exit button stuck",
    "fire_loop": "Fire loop broken: doors released",
    "internal_error": "A fault inside the device",
    "jammed": "Arm jammed",
    "journal_full": "Its journal fills up: the cloud takes nothing",
    "keeper": "Nobody keeps its pins",
    "kept_unreadable": "What it kept of its session cannot be read",
    "link": "Was sent messages too large to take",
    "latch": "Would forget an emergency over a restart",
    "leakage": "Current leaks to earth",
    "meter": "A meter does not answer",
    "meter_lost": "The meter cannot be trusted",
    "ocpp": "Cannot be reached by charging posts",
    "no_such_point": "Something names a point that it does not have",
    "nonsense_connector": "The post speaks of a connector that it does not have",
    "nonsense_frame": "The post says what nobody understands",
    "nonsense_power": "The post tells of more power than it can give",
    "nonsense_start": "The post tells of a beginning without its time or its meter",
    "nonsense_status": "The post says that it is what no post can be",
    "nonsense_transaction": "The post tells of a transaction that cannot be",
    "over_temp": "Too hot",
    "post_faulted": "The post says that it is faulted",
    "power_persists": "Power flows though the supply is cut",
    "reader_noisy": "A reader sends noise, or somebody tries card after card",
    "relay_open": "The relay does not close, or nothing is plugged in",
    "relay_stuck": "The relay does not open",
    "memory": "What it keeps of its sessions cannot be written",
    "roster": "Refused a roster",
    "roster_age": "Its roster is more than 24 hours old: it hears no cloud",
    "roster_pages": "Part of its roster is damaged",
    "silent": "The post does not answer",
    "stray_power": "Power flows to nobody",
    "readings": "Errors while taking readings",
    "thermometer": "A thermometer does not answer",
    "thermometer_lost": "The thermometer says nothing",
    "uplink": "Trouble on the line to the cloud",
    "will_not_stop": "The post does not stop",
    "wrong_password": "Somebody connects in the post's name with a wrong password",
    "wrong_protocol": "The post connects, but offers no version of OCPP that is spoken here",
}

ACTIONS: Mapping[str, str] = {
    "command.open_once": "Opened a door from afar",
    "command.session_start": "Began a charge from afar",
    "command.session_stop": "Ended a charge from afar",
    "command.drill": "Began or ended a fire drill",
    "muster.seen": "Accounted for somebody",
    "muster.unseen": "Took back that somebody was accounted for",
    "command.reboot": "Ordered a restart",
    "command.send_log": "Asked for a device's log",
    "command.clock_set": "Set a device's clock",
    "mode.scheduled": "Back to cards and hours",
    "mode.hold_open": "Held a door open",
    "mode.lockdown": "Locked a door down",
    "mode.end": "Ended a lockdown or what was held open",
    "mode.renew": "Renewed a lockdown or what is held open",
    "mode.out_of_service": "Took out of service",
    "login": "Logged in",
    "login.refused": "Wrong name or password",
    "logout": "Logged out",
    "password.changed": "Changed a password",
    "password.reset": "Reset a password",
    "operator.added": "Added an operator",
    "operator.admitted": "Admitted an operator from an address",
    "operator.disabled": "Disabled an operator",
    "operator.enabled": "Enabled an operator",
    "operator.removed": "Removed an operator",
    "person.added": "Added a person",
    "membership.added": "Gave a plan",
    "membership.changed": "Changed a membership",
    "card.added": "Enrolled a card",
    "card.changed": "Changed a card",
    "point.changed": "Corrected a point",
    "point.wired": "Took over a point from a wiring",
    "point.left_out": "Left a point of a wiring out",
    "zone.added": "Made a zone",
    "zone.opened": "Opened a zone for a plan",
    "zone.renamed": "Renamed a zone",
    "rollout.start": "Changed the wiring of devices",
    "rollout.stop": "Stopped a change of wiring",
    "device.registered": "Registered a device",
    "device.adopted": "Adopted a device",
    "device.lost": "Reported a device lost",
    "device.replaced": "Let a new Pi take a device's place",
}

DETAILS: Mapping[str, str] = {
    "address": "from",
    "card": "card",
    "cards": "cards on it",
    "certificate": "certificate",
    "class": "class",
    "command": "command",
    "devices": "devices",
    "holder": "holder",
    "hours": "hours",
    "label_en": "in English",
    "label_zh": "in Chinese",
    "left_out": "left out",
    "membership": "membership",
    "plan": "plan",
    "points": "points",
    "reason": "reason",
    "role": "role",
    "rollout": "roll-out",
    "standing": "standing",
    "why": "because",
    "zone": "zone",
    "zones": "zones made",
}
"""What the audit keeps of a deed beside who, what and whom."""

STANDINGS: Mapping[str, str] = {"active": "In use", "suspended": "Suspended", "lost": "Reported lost"}
DEEDS: Mapping[str, str] = {"active": "Take into use", "suspended": "Suspend", "lost": "Report lost"}
"""What a button says that leads to a standing."""
ROLES: Mapping[str, str] = {"admin": "Administrator", "staff": "Property staff", "guard": "Guard"}

CLOCKS: Mapping[str, str] = {"holdover": "Clock on its own", "unset": "Clock not set"}
"""What to say of a time stamp that is not to be believed to the second. Nothing is said of a ``synced`` clock."""


TRUSTS: Mapping[str, str] = {"synced": "right", "holdover": "on its own", "unset": "not set"}

FAMILIES: Mapping[str, str] = {
    "access": "People passing",
    "bank": "Supplies of sockets",
    "command": "Orders from afar",
    "device": "The device itself",
    "door": "Doors",
    "emergency": "Emergencies",
    "ev_post": "Charging posts",
    "journal": "Lost events",
    "reader": "Readers",
    "session": "Charging",
    "socket": "Sockets",
    "turnstile": "Turnstiles",
}

ACTORS: Mapping[str, str] = {"command line": "command line"}
"""Who stands in the audit and is no operator."""

MODES: Mapping[str, str] = {
    "scheduled": "cards and hours",
    "hold_open": "held open",
    "lockdown": "locked down (out only)",
    "out_of_service": "out of service",
}

ORDERS: Mapping[str, str] = {
    "open_once": "Open once",
    "session_start": "Start charging",
    "session_stop": "Stop charging",
    "drill": "Fire drill",
    "reboot": "Restart the machine",
    "send_log": "Fetch its log",
    "clock_set": "Set its clock to the cloud's",
}

ALARMS: Mapping[str, str] = {
    "fire": "Fire",
    "smoke": "Smoke",
    "estop": "Emergency stop",
    "loop_broken": "Fire loop broken",
    "drill": "Fire drill",
}
"""Why the doors of a zone are released."""

ENDINGS: Mapping[str, str] = {
    "key": "Reset by key",
    "card": "Reset by card",
    "order": "Ended by order",
    "time": "Ended by itself after half an hour",
    "restart": "Ended, for its keeper started anew",
    "unseen": "Over, or not heard of since its device started anew",
}

ROLLOUTS: Mapping[str, str] = {
    "canary": "On its first device",
    "rest": "On all its devices",
    "done": "Done",
    "stopped": "Stopped",
}

LEGS: Mapping[str, str] = {
    "unsent": "Not yet its turn",
    "sent": "Sent; the device says when it is in force",
    "applied": "In force",
    "refused": "Refused by the device",
    "reverted": "Tried, and gone back by itself",
    "kept": "Keeps the former wiring",
}

OUTCOMES: Mapping[str, str] = {
    "sent": "Sent; waiting for the device to say so",
    "done": "Done: the device says so",
    "refused": "Refused by the device",
    "failed": "Failed",
    "undeliverable": "Not sent: the device is not heard",
    "unknown": "Unknown: look at the door, or wait for its journal",
}

REFUSALS: Mapping[str, str] = {
    "bad_time": "that is no time",
    "bad_digest": "that is no card",
    "busy": "too many people are waiting",
    "cannot_reboot": "it was not told how to restart",
    "cannot_record": "its disk does not write",
    "clock_unset": "it does not know the time yet",
    "emergency": "an emergency frees the way",
    "expired": "it came too late",
    "faulted": "it is out of order",
    "held_open": "it is held open",
    "internal_error": "a fault inside the device",
    "keeper_lost": "nobody keeps its pins",
    "locked_down": "it is locked down",
    "no_drill": "there is no drill",
    "no_such_point": "it has no such door",
    "no_such_session": "that session is over",
    "no_such_zone": "nothing tells it of a fire in that zone",
    "not_this_kind": "it is nothing that opens",
    "not_understood": "its software is too old",
    "out_of_service": "it is out of service",
    "restarted": "the device restarted in between",
    "too_old": "it came too late",
    "wrong_connection": "its connection is another by now",
}
"""Why a device did not do what was ordered."""

BREAKS: Mapping[str, str] = {
    "full": "Rows %(first)s to %(last)s are lost: its journal was full",
    "let_go": "Rows %(first)s to %(last)s are lost: the cloud was restored, and the device keeps them no longer",
    "forked": "Rows %(first)s to %(last)s exist twice: two disks lived under one name",
}
"""Where a device's journal is broken, and why."""

PRESENCES: Mapping[str, str] = {
    "online": "Online",
    "late": "Quiet",
    "offline": "Not heard",
    "never": "Never heard",
}

SILENCES: Mapping[str, str] = {
    "stopped": "It signed off: its agent was stopped. Until that runs again, no card opens anything there.",
    "cut": "Cable, power or agent: that cannot be told from here. If its agent runs, it decides by itself; if not, "
    "no card opens anything there.",
}
"""Why a device is not heard, and what that means on site."""

PHASES: Mapping[str, str] = {
    "closed": "closed",
    "unlocked": "unlocked",
    "open": "open",
    "held": "open for too long",
    "forced": "forced open",
    "released": "released",
    "rest": "at rest",
    "turning": "turning",
    "jammed": "jammed",
    "absent": "not connected",
    "charging": "charging",
    "checking": "looks whether the same load is still there",
    "closing": "supply comes on",
    "emergency": "emergency",
    "faulted": "out of order",
    "finished": "finished, still plugged in",
    "free": "free",
    "live": "supply on",
    "off": "supply off",
    "starting": "starting",
    "stopping": "stopping",
}

CONDITIONS: Mapping[str, str] = {
    "free": "Free",
    "finished": "Finished",
    "charging": "Charging now",
    "closed": "Out of service",
    "fault": "Fault",
    "emergency": "Emergency",
    "offline": "Not heard",
}
"""What a socket is to somebody who wants to charge."""

CLASSES: Mapping[str, str] = {"phone": "Phone sockets", "ebike": "E-bike sockets", "ev": "Charging posts"}
BEGUN_BY: Mapping[str, str] = {"card": "with a card", "operator": "by an operator", "post": "at the post"}
STOPS: Mapping[str, str] = {"user": "Stopped by the rider"}
"""Why a session ended, in an operator's words where the rider's would speak to the wrong person."""
SESSIONS: Mapping[str, str] = {
    "running": "Running",
    "interrupted": "Interrupted",
    "unheard": "No word of its end",
}
"""How a session stands that has no end."""

CAUSES: Mapping[str, str] = {
    "bad_chain": "Rows that do not follow from one another",
    "bad_request": "A request that cannot be granted",
    "bad_seal": "Wrong seal",
    "fork": "Two journals under one name",
    "malformed": "Not readable",
    "poison": "An event nobody can read",
    "too_many_journals": "Too many journals",
    "unknown_command": "An answer to no order of ours",
    "two_devices": "Two devices under one name",
    "unknown_device": "Unknown device",
}
"""Why something was put into quarantine."""


def broken(why: str) -> str:
    """The words for rows that are lost or exist twice."""
    return BREAKS.get(why) or plain(why)


def plain(word: str) -> str:
    """A word that stands in no table, readable."""
    return word.replace("_", " ").replace(".", ": ", 1)


def fault(word: object) -> str:
    """The words for a fault. Whatever a device calls it, there are some."""
    return FAULTS.get(str(word)) or plain(str(word))


def detail(key: str, value: str) -> tuple[str, str]:
    """The words for a detail of the audit, and for its value where that is a word of ours."""
    values: Mapping[str, Mapping[str, str]] = {"role": ROLES, "standing": STANDINGS, "class": CLASSES}
    return DETAILS.get(key) or plain(key), values.get(key, {}).get(value, "")


def mode(word: object) -> str:
    return MODES.get(str(word)) or plain(str(word))


def alarm(word: object) -> str:
    """The words for the cause of an emergency."""
    return ALARMS.get(str(word)) or plain(str(word))


def ending(word: object) -> str:
    """The words for how an emergency ended."""
    return ENDINGS.get(str(word)) or plain(str(word))


def phase(word: object) -> str:
    return PHASES.get(str(word)) or plain(str(word))


def sort_of(class_name: str) -> str:
    """The words for a class of sockets."""
    return CLASSES.get(class_name) or plain(class_name)


def begun_by(word: str) -> str:
    return BEGUN_BY.get(word) or plain(word)


def refusal(word: str) -> str:
    return REFUSALS.get(word) or plain(word)


def why(word: str) -> str:
    return CAUSES.get(word) or plain(word)


def name_of(kind: str) -> str:
    """The words for a kind of event, or for a family of kinds."""
    return KINDS[kind][1] if kind in KINDS else FAMILIES.get(kind) or plain(kind)


def kind_of(event: EventView) -> tuple[Tone, str]:
    """The tone and the English words of an event."""
    narrower = f"{event.kind} {event.data.get('direction') or event.data.get('status')}"
    return KINDS.get(narrower) or KINDS.get(event.kind) or ("quiet", plain(event.kind))


def texts() -> list[str]:
    """Every text of these tables, for the catalogue to be complete."""
    tables = (
        FAULTS,
        BREAKS,
        ACTIONS,
        DETAILS,
        STANDINGS,
        DEEDS,
        ROLES,
        CLOCKS,
        TRUSTS,
        FAMILIES,
        PRESENCES,
        SILENCES,
        PHASES,
        CONDITIONS,
        CLASSES,
        BEGUN_BY,
        SESSIONS,
        CAUSES,
        ACTORS,
        MODES,
        ORDERS,
        OUTCOMES,
        REFUSALS,
        ROLLOUTS,
        LEGS,
        ALARMS,
        ENDINGS,
        STOPS,
    )
    return sorted({text for _, text in KINDS.values()} | {text for table in tables for text in table.values()})
