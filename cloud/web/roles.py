"""Roles of operators: what each may do, and which part of the site each sees. Pure.

``tests/cloud/who_may.csv`` says of every address who gets in.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from cloud.store.scope import Scope


class Role(StrEnum):
    """What an operator is trusted with."""

    ADMIN = "admin"
    STAFF = "staff"
    GUARD = "guard"
    STEWARD = "steward"
    CELL_WORKER = "cell_worker"
    CLERK = "clerk"
    MEDIATOR = "mediator"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What an action asks for.

    ``READ`` is to see points, devices and events, and when what is open, ``CONFIG`` to see how the site is set up and
    what its devices were sent: zones, plans, wirings, rosters, quarantine.

    ``DIRECTORY`` is to see people and flats without their movements, ``MOVEMENTS`` to see where one person went, for a
    purpose, ``AUDIT`` to see what operators did, ``ACCOUNTS`` to see who may log in, ``PARTIES`` to see parties with
    their members, ``MEMBERS`` to add and end those.

    ``PEOPLE`` is to change people, plans and cards, ``DOORS`` to open a door, to set its mode, and to begin and end a
    session, ``COUNT`` to say how many are inside a zone, ``DEVICES`` what concerns the machine itself, ``ADOPT`` to let
    one in, to replace it and to put it out, ``OPERATORS`` to say who may log in, ``SETUP`` to change plans, cells,
    duties and the whole setup, ``SILENT`` to see who signalled that they are being forced.
    """

    READ = "read"
    CONFIG = "config"
    DIRECTORY = "directory"
    MOVEMENTS = "movements"
    AUDIT = "audit"
    ACCOUNTS = "accounts"
    PARTIES = "parties"
    MEMBERS = "members"
    PEOPLE = "people"
    DOORS = "doors"
    COUNT = "count"
    DEVICES = "devices"
    ADOPT = "adopt"
    OPERATORS = "operators"
    SETUP = "setup"
    SILENT = "silent"


class Part(StrEnum):
    """What a role's operators see one of, each of them their own: a zone, a cell, or a party."""

    ZONE = "zone"
    CELL = "cell"
    PARTY = "party"


class RoleRule(Struct, frozen=True):
    """What a role may do. Where it has a ``part``, its operators get in only where a page or call says that it shows
    that part alone. ``names_today`` is for those whom only events of today tell who it was."""

    rights: frozenset[Right]
    part: Part | None = None
    names_today: bool = False

    def may(self, right: Right, parts: tuple[Part, ...] = ()) -> bool:
        """Whether this is theirs to do, at a place that is made for these parts."""
        return right in self.rights and (self.part is None or self.part in parts)


ROLES: Mapping[Role, RoleRule] = {
    Role.ADMIN: RoleRule(frozenset(Right)),
    Role.STAFF: RoleRule(
        frozenset(Right) - {Right.DEVICES, Right.ACCOUNTS, Right.OPERATORS, Right.SETUP, Right.SILENT}
    ),
    Role.GUARD: RoleRule(frozenset({Right.READ, Right.DOORS, Right.COUNT}), names_today=True),
    Role.STEWARD: RoleRule(frozenset({Right.READ, Right.COUNT}), Part.ZONE, names_today=True),
    Role.CELL_WORKER: RoleRule(frozenset({Right.DIRECTORY}), Part.CELL),
    Role.CLERK: RoleRule(frozenset({Right.PARTIES, Right.MEMBERS}), Part.PARTY),
    # What a mediator works on are cases, and there are none yet.
    Role.MEDIATOR: RoleRule(frozenset()),
    Role.AUDITOR: RoleRule(
        frozenset(
            {Right.READ, Right.CONFIG, Right.DIRECTORY, Right.PARTIES, Right.MOVEMENTS, Right.AUDIT, Right.ACCOUNTS}
        )
    ),
}


class Assignment(Struct, frozen=True):
    """A role with the part of the site that it is for: the name of a zone, cell or units of a cell, or the number of a
    party. Empty where the role has none."""

    role: Role
    of: str = ""

    @property
    def rule(self) -> RoleRule:
        return ROLES[self.role]

    def may(self, right: Right, parts: tuple[Part, ...] = ()) -> bool:
        """Whether this is theirs to do. A role with a part sees nothing as long as nobody has said which."""
        return self.rule.may(right, parts) and (self.rule.part is None or bool(self.of))

    def scope(self, units: tuple[str, ...], midnight_ms: int, looked_at: frozenset[bytes] = frozenset()) -> Scope:
        """What they see. ``units`` are those of their cell; ``midnight_ms`` is when today began. Who sees a part of one
        sort sees nothing of the others."""
        part = self.rule.part
        number = int(self.of) if self.of.isdecimal() else 0
        return Scope(
            zone=None if part is None else self.of if part is Part.ZONE else "",
            units=None if part is None else units if part is Part.CELL else (),
            party=None if part is None else number if part is Part.PARTY else 0,
            named_since_ms=midnight_ms if self.rule.names_today else 0,
            movements="purpose" if Right.MOVEMENTS in self.rule.rights else "closed",
            looked_at=looked_at,
        )
