"""The two nights of Europe/Berlin in which the clocks change: hours that begin or end in the hour that is left out, and
in the hour that comes twice; at the turnstile, and when the cloud is asked why."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from cloud.cards.rule import Card
from cloud.explain.why import WhyService
from cloud.keys.folder import open_folder
from cloud.redecide.rule import Redecided
from cloud.redecide.service import redecide_all
from cloud.sample import SITE
from contract.decide import DAY_MS
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.scenarios.gym import FOUNDER, GYM, MEMBER, Gym
from tests.scenarios.setups import changed_setup, opens_gym

BERLIN = changed_setup(
    ('zone = "Asia/Shanghai"', 'zone = "Europe/Berlin"'),
    opens_gym("founder", "until-half-past-two"),
    opens_gym("yearly", "from-half-past-two"),
    more="""
[[hours]]
name = "until-half-past-two"
label = { zh = "至两点半", en = "Until half past two" }
daily = "00:00-02:30"

[[hours]]
name = "from-half-past-two"
label = { zh = "两点半起", en = "From half past two" }
daily = "02:30-05:00"
""",
)
CARDS = {"until": FOUNDER, "from": MEMBER}


class Look(NamedTuple):
    """What the clock on the wall shows at a moment of UTC, and for which hours the gym is open then."""

    wall: str
    utc: str
    opens: str

    @property
    def at_ms(self) -> int:
        return int(datetime.fromisoformat(self.utc).replace(tzinfo=UTC).timestamp() * 1000)


SPRING = (
    Look("01:59:30", "2027-03-28T00:59:30", "until"),
    Look("03:00:30", "2027-03-28T01:00:30", "from"),
    Look("04:59:30", "2027-03-28T02:59:30", "from"),
    Look("05:00:30", "2027-03-28T03:00:30", ""),
)
"""At 02:00 it is 03:00: who may until 02:30 may no more, who may from 02:30 may at once."""
AUTUMN = (
    Look("02:29:30", "2027-10-31T00:29:30", "until"),
    Look("02:30:30", "2027-10-31T00:30:30", "from"),
    Look("02:59:30", "2027-10-31T00:59:30", "from"),
    Look("02:00:30", "2027-10-31T01:00:30", "until"),
    Look("02:29:30", "2027-10-31T01:29:30", "until"),
    Look("02:30:30", "2027-10-31T01:30:30", "from"),
    Look("05:00:30", "2027-10-31T04:00:30", ""),
)
"""At 03:00 it is 02:00 again: the hour comes twice, and hours mean what the wall shows both times."""


async def passed_at_the_gym(folder: Path, looks: Sequence[Look]) -> list[tuple[str, str]]:
    """Who got through at each look, with the network down since before the clocks changed."""
    passed = []
    async with Gym(folder, setup=BERLIN) as gym:
        gym.device.link.cut()
        for look in looks:
            await asyncio.sleep((look.at_ms - gym.town.now_ms()) / 1000)
            entered = [hours for hours, card in CARDS.items() if await gym.tries(card)]
            passed.append((look.utc, "".join(entered)))
        gym.device.link.restore()
        await gym.until(gym.in_step)
    return passed


@pytest.mark.parametrize("looks", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_clocks_go_over_at_the_turnstile(tmp_path: Path, looks: Sequence[Look]) -> None:
    """The device decides alone; the cloud says the same of each moment, and decides every passage the same again."""
    before_s = (looks[0].at_ms - MIDNIGHT_MS) / 1000 - 120
    expected = [(look.utc, look.opens) for look in looks]
    assert run_virtual(passed_at_the_gym(tmp_path, looks), start_s=before_s) == expected
    with open_folder(tmp_path / "cloud") as (store, keys):
        service = WhyService(store, lambda: looks[-1].at_ms + DAY_MS)
        digests = {hours: Card.from_text(card).digest(keys.digest) for hours, card in CARDS.items()}
        told = [
            (look.utc, "".join(hours for hours, one in digests.items() if _allows(service, one, look.at_ms)))
            for look in looks
        ]
        again = redecide_all(store, SITE.name)
    assert told == expected
    assert again.differences == []
    assert again.tally[Redecided.SAME, None] == 2 * len(looks)


def _allows(service: WhyService, digest: bytes, at_ms: int) -> bool:
    found = service.why(digest, GYM, at_ms).explanation
    assert found.decision.allowed or found.decision.reason == "outside_hours"
    return found.decision.allowed
