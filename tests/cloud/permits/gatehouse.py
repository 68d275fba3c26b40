"""The gatehouse of Sunny Court: permits are drawn up there, and a device decides by the roster that is published."""

from typing import Any

from cloud.flats.rule import Place
from cloud.keys.keys import KeyFolder
from cloud.permits import store as permit_store
from cloud.permits.kinds import PermitKind
from cloud.permits.passages import note_passage
from cloud.permits.rule import Passing, Permit, PermitState
from cloud.permits.service import Drawn, PermitAsked, PermitService
from cloud.points.store import add_point, set_places
from cloud.points.zone_store import add_zone
from cloud.sample import SITE
from cloud.store.database import Store
from cloud.web.operators import AuditEntry, list_audit
from contract.codec import unpack
from contract.credentials import code_credential
from contract.decide import Facts, Request, Trust, weigh
from contract.reasons import Reason
from contract.sealing import credential_digest
from contract.site_page import Site, SitePage
from tests.cloud.support.rosters import World

BY = "gate"
GATE, OTHER_GATE, UNIT_DOOR, OTHER_DOOR, LIFT, OTHER_LIFT = (
    *("east-gate", "west-gate"),
    *("door-2", "door-3", "lift-2-5", "lift-2-6"),
)
GARAGE, GYM, HUB = "garage-2-502", "gym-turnstile", "hub-door"
PLACES = {
    UNIT_DOOR: Place("2"),
    OTHER_DOOR: Place("3"),
    LIFT: Place("2", 5),
    OTHER_LIFT: Place("2", 6),
    GARAGE: Place(flat="2-502"),
}
WAY = {GATE, OTHER_GATE, UNIT_DOOR, LIFT}
"""From the street to flat 2-502."""
LI_SI = 5
"""A resident of 2-502."""


class Gatehouse(World):
    """The world of rosters, in which building 2 has a door, a lift and a garage."""

    def __init__(self, store: Store, keys: KeyFolder) -> None:
        super().__init__(store, keys)
        self.permits = PermitService(store, keys, lambda: self.now_ms)
        with store.writing() as connection:
            add_zone(connection, "buildings", "", "")
            for point in PLACES:
                add_point(connection, point, GATE, "buildings", point, point)
            set_places(connection, SITE.name, dict(PLACES))
        self.publish_rosters()

    def publish_rosters(self) -> None:
        """What changed is in the rosters of the devices."""
        self.refresh()
        for device in self.devices.values():
            self.fetch(device)
        self.adopt()

    def draw(self, **asked: Any) -> Drawn:
        """A guest's permit to 2-502 with a code, unless something else is asked for; it is in the rosters."""
        drawn = self.permits.draw(BY, self.asked(**asked))
        self.publish_rosters()
        return drawn

    @staticmethod
    def asked(**asked: Any) -> PermitAsked:
        kind = PermitKind(asked.pop("kind", "guest"))
        return PermitAsked(kind=kind, **{"flat": "2-502", "code": True, **asked})

    @property
    def site(self) -> Site:
        device = self.devices[GATE]
        assert device.manifest is not None
        return Site.from_blob(device.pages[device.manifest.site_page])

    def reason(self, credential: bytes, point: str) -> Reason:
        """Why the device of that point, whose roster is as old as it may be, lets the credential in or not."""
        digest, site = credential_digest(self.keys.digest, credential), self.site
        rows = [row for row in self.devices[GATE].rows() if row.digest == digest]
        facts = Facts(site.zone, Trust.SYNCED, 0, 0)
        return weigh(Request(point, digest), [site.grant(row) for row in rows], facts, self.now_ms).reason

    def opened(self, code: str) -> set[str]:
        """The points that a code opens."""
        points = {point for profile in self.site_profiles() for point in profile}
        return {point for point in points if self.reason(code_credential(code), point) is Reason.ALLOWED}

    def site_profiles(self) -> list[dict[str, str]]:
        device = self.devices[GATE]
        assert device.manifest is not None
        return unpack(device.pages[device.manifest.site_page], SitePage).profiles

    def permit(self, permit: int) -> Permit:
        found = self.permits.find(permit)
        assert found is not None
        return found.permit

    def state(self, permit: int) -> PermitState:
        return self.permit(permit).state(self.now_ms)

    def passes(self, permit: int, *, direction: str = "in", at_gate: bool = True, gate: str = GATE) -> None:
        """Somebody with the permit goes through, and that is known."""
        with self.store.writing() as connection:
            uses = permit_store.uses_at(connection, SITE.name, permit, gate)
            passage = Passing(self.now_ms, direction, at_gate, uses)
            note_passage(connection, SITE.name, self.permit(permit), gate, passage)
        self.publish_rosters()

    def audit(self, count: int) -> list[AuditEntry]:
        """The newest rows, the oldest of them first."""
        with self.store.reading() as connection:
            return list_audit(connection, limit=count)[::-1]
