"""The cloud decides again what its doors decided, and finds the one that decides by another rule."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from cloud.cards.store import set_card_standing
from cloud.people.tables import credentials
from cloud.redecide.rule import Redecided
from cloud.redecide.service import Run
from cloud.store.schema import people
from contract.decide import Decision, Facts, Grant, Request, Standing, weigh
from contract.reasons import Reason
from edge.agent import decider
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.firmware_sim.support.memory_disk import memory_disk
from tests.scenarios.sunny_court import EAST_GATE, GYM, Story, decided_again, until


def told(story: Story, from_hour: float) -> Run:
    """What the cloud says of a story's decisions afterwards."""

    async def tell() -> Run:
        with memory_disk() as folder:
            town = VirtualTown(folder, seed=3)
            town.start()
            await asyncio.sleep(30)
            await story(town)
            await town.go_home()
            await town.drained()
            await town.close()
            return decided_again(town)

    return run_virtual(tell(), start_s=max(0.0, from_hour * 3600 - 60))


def lose_card(town: VirtualTown, who: str) -> None:
    with town.cloud.changing() as connection:
        theirs = select(credentials.c.id).join(people, people.c.id == credentials.c.person_id)
        card = connection.execute(theirs.where(people.c.name_en == who)).scalar_one()
        set_card_standing(connection, card, Standing.LOST)


def everybody_comes(from_hour: float, to_hour: float) -> Story:
    """At four doors; a card is reported lost while the gym is cut off."""

    async def story(town: VirtualTown) -> None:
        town.live()
        await until(town, (from_hour + to_hour) / 2)
        town.devices[GYM].link.cut()
        lose_card(town, "Li Si")
        await asyncio.sleep(60)
        assert await town.visit(GYM, "Li Si")
        town.devices[GYM].link.restore()
        await until(town, to_hour)

    return story


@pytest.mark.parametrize(("from_hour", "to_hour"), [(7, 9), pytest.param(0, 25, marks=pytest.mark.slow)])
def test_every_decision_is_decided_the_same_again(from_hour: float, to_hour: float) -> None:
    run = told(everybody_comes(from_hour, to_hour), from_hour)
    assert run.differences == []
    assert run.tally[Redecided.SAME, None] > 10 * (to_hour - from_hour)
    assert run.tally[Redecided.WOULD_REFUSE, None] >= 1
    assert [why for verdict, why in run.tally if verdict is Redecided.NOT_JUDGED] == []


def test_device_with_another_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gym lets in whose year is over. Nothing else that it does is different, nor is any other door."""

    def mutated(request: Request, grants: Sequence[Grant], facts: Facts, now_ms: int) -> Decision:
        decision = weigh(request, grants, facts, now_ms)
        is_changed = request.point == GYM and decision.reason is Reason.EXPIRED
        return Decision(Reason.ALLOWED, decision.grant) if is_changed else decision

    async def story(town: VirtualTown) -> None:
        assert await town.visit(GYM, "Wang Wu")
        assert await town.visit(GYM, "Li Si")
        assert await town.visit(EAST_GATE, "Wang Wu")

    monkeypatch.setattr(decider, "weigh", mutated)
    run = told(story, from_hour=12)
    (found,) = run.differences
    assert (found.device, found.said, found.ours) == (GYM, "allowed", "expired")
    assert run.tally[Redecided.SAME, None] == 2
