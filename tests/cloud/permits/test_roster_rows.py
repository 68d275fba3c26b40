"""Rows of permits as devices have them: within chain and window, and apart from everybody else's."""

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from cloud.explain.grants import granted_now
from cloud.fleet.store import exposed_cards
from cloud.people.compiled import OF_PERMITS
from cloud.people.permit_rows import load_rights
from cloud.people.permits import compile_permits
from cloud.permits.service import Drawn
from cloud.sample import SITE
from cloud.store.revision import touch
from cloud.web.rejected import Rejected
from contract.credentials import code_credential
from contract.decide import HOUR_MS, Tier
from contract.sealing import credential_digest
from tests.cloud.permits.gatehouse import BY, GATE, WAY, Gatehouse

HUB_WAY = {"east-gate", "west-gate", "hub-door"}


class Story:
    """Permits as chance draws, extends, uses and ends them, while time goes on."""

    def __init__(self, gatehouse: Gatehouse, seed: int) -> None:
        self.gatehouse, self.chance = gatehouse, random.Random(seed)
        self.drawn: list[Drawn] = []
        self.before = gatehouse.devices[GATE].rows()

    def draws(self) -> None:
        kind = self.chance.choice(["guest", "order", "rider", "crew"])
        from_ms = self.gatehouse.now_ms + self.chance.choice([0, HOUR_MS, 40 * 24 * HOUR_MS])
        until_ms = from_ms + self.chance.choice([HOUR_MS, 4 * HOUR_MS])
        more = {"flat": "" if kind == "rider" else "2-502", "token": self.chance.random() < 0.5}
        self.drawn.append(self.gatehouse.draw(kind=kind, from_ms=from_ms, until_ms=until_ms, **more))

    def ends(self) -> None:
        self.gatehouse.permits.end(BY, self._some())

    def extends(self) -> None:
        self.gatehouse.permits.extend(BY, self._some(), self.gatehouse.now_ms + 3 * HOUR_MS)

    def passes(self) -> None:
        self.gatehouse.passes(
            self._some(), direction=self.chance.choice(["in", "out"]), at_gate=self.chance.random() < 0.8
        )

    def all_are_compiled_anew(self) -> None:
        with self.gatehouse.store.writing() as connection:
            touch(connection)

    def waits(self) -> None:
        self.gatehouse.now_ms += self.chance.choice([HOUR_MS // 4, 2 * HOUR_MS, 26 * HOUR_MS])

    def _some(self) -> int:
        return self.chance.choice(self.drawn).permit if self.drawn else 0

    def step(self) -> None:
        acts: list[Callable[[], None]] = [self.draws, self.draws, self.ends, self.extends, self.waits]
        acts += [self.all_are_compiled_anew]
        acts += [self.passes] if self.drawn else []
        with suppress(Rejected):  # what is over is neither extended nor ended
            self.chance.choice(acts)()
        self.gatehouse.publish_rosters()

    def check(self) -> None:
        """Nobody else's rows are other than before; every row of a permit is of its chain and its window; and what was
        compiled change by change is what all together comes to."""
        rows = self.gatehouse.devices[GATE].rows()
        known = {view.holder: view for view in (self.gatehouse.permit(one.permit) for one in self.drawn)}
        assert [row for row in rows if row.holder not in known] == self.before
        site = self.gatehouse.site
        for row in rows:
            if row.holder in known:
                permit = known[row.holder]
                from_ms, until_ms = permit.window
                assert (row.valid_from_s, row.valid_until_s <= until_ms // 1000) == (from_ms // 1000, True)
                assert permit.ended_ms is None and row.tier in (Tier.GUEST, Tier.RIDER)
                ways = WAY if permit.plan != "rider" else HUB_WAY | set(site.grant(row).allotments)
                assert set(site.grant(row).points) <= ways
        self._check_compiled()

    def _check_compiled(self) -> None:
        gatehouse = self.gatehouse
        ids = [one.permit for one in self.drawn]
        with gatehouse.store.reading() as connection:
            whole = compile_permits(load_rights(connection, SITE.name, ids), gatehouse.now_ms)
            assert OF_PERMITS.find(connection, SITE.name, ids) == whole


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_permits_are_their_own(gatehouse: Gatehouse, seed: int) -> None:
    story = Story(gatehouse, seed)
    for _ in range(25):
        story.step()
        story.check()
    assert story.drawn


def test_thousand_permits_add_no_profile(gatehouse: Gatehouse) -> None:
    """Whoever comes first to a unit and a floor has the way numbered; the site page is then the same for all."""
    gatehouse.draw()
    names = {device.manifest.site_page for device in gatehouse.devices.values() if device.manifest}
    for _ in range(12):
        gatehouse.draw(code=False, token=True)
    assert {device.manifest.site_page for device in gatehouse.devices.values() if device.manifest} == names


def test_change_of_one_permit_sends_one_page(gatehouse: Gatehouse) -> None:
    """A page of rows, an index page and a manifest, whatever else is there."""
    gatehouse.draw()
    drawn = gatehouse.draw()
    gatehouse.permits.end(BY, drawn.permit)
    sent = [what for what, _ in gatehouse.refresh() if what.startswith("east-gate")]
    assert sent == ["east-gate page", "east-gate page", "east-gate roster"]


def test_stolen_device_tells_of_visitors_codes(gatehouse: Gatehouse) -> None:
    """Whoever has the device and its key finds six digits in no time: these permits are to be drawn up anew."""
    drawn = gatehouse.draw()
    with gatehouse.store.reading() as connection:
        exposed = [one for one in exposed_cards(connection, SITE.name, GATE) if one.label == f"code {drawn.permit}"]
    assert [(one.name.en, one.unit) for one in exposed] == [("Visitor of 2-502", "2-502")]


def test_why_of_a_code_speaks_of_visitors(gatehouse: Gatehouse) -> None:
    """Whoever asks why a code was refused is told of its permit, as of everybody's card."""
    drawn = gatehouse.draw()
    digest = credential_digest(gatehouse.keys.digest, code_credential(drawn.code))
    with gatehouse.store.reading() as connection:
        found = granted_now(connection, digest, GATE, gatehouse.now_ms)
    assert {plan.en for plan in found.plans} == {"Visitors"}
    assert GATE in {point for grant in found.grants for point in grant.points}
