"""What a real turnstile recorded is given to an authority, which has nothing but the folder that it was handed."""

import subprocess
from io import BytesIO
from pathlib import Path

import pytest

from cloud.authority.proof import Officer
from cloud.authority.rule import AuthorityExport
from cloud.authority.service import AuthorityService
from cloud.authority.store import given_of
from cloud.cards.rule import Card, Recipient
from cloud.cards.service import CardService
from cloud.keys.folder import open_folder
from cloud.people.members import Membership
from cloud.people.plans import YEARLY
from cloud.people.store import add_membership
from cloud.sample import SITE
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, HOUR_MS
from firmware_sim.worlds.demo.processes import scripts
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import FOUNDER, MEMBER, Gym

ZHANG_SAN, ZHANG_DAYI, LI_SI = 1, 2, 5
HOUSEHOLD = 1
FAMILY_CARD = Card("H10301", 21, 20_001)
NEXT_DAY_MS = MIDNIGHT_MS + DAY_MS
ASKED = AuthorityExport(
    id=0,
    document="(2026) No. 17",
    officers=(Officer("Officer A", "100001"), Officer("Officer B", "100002")),
    from_ms=MIDNIGHT_MS,
    until_ms=MIDNIGHT_MS + HOUR_MS,
    points=(),
    people=(ZHANG_SAN,),
    embargo_until_ms=NEXT_DAY_MS + 30 * DAY_MS,
    entered_by="lin",
    entered_ms=NEXT_DAY_MS,
)


@in_virtual_time
async def a_morning_at_the_gym(folder: Path) -> None:
    """Zhang San enters with her own card, Li Si with his, and somebody of her family with the family card."""
    async with Gym(folder) as gym:
        before = gym.roster["number"]
        with gym.cloud.changing() as connection:
            add_membership(connection, Membership(0, None, YEARLY.name, party=HOUSEHOLD))
        cards = CardService(gym.cloud.store, gym.keys_of_cloud, gym.town.now_ms)
        cards.add_card("lin", Recipient(party=HOUSEHOLD), FAMILY_CARD, "")
        await gym.until(lambda: gym.roster["number"] > before + 1)
        for card in (FOUNDER, MEMBER, "H10301:21:20001"):
            assert await gym.tries(card)
        await gym.until(gym.in_step)


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """The authority's own command, in the folder that it was handed."""
    command = [scripts("hearthgate-cloud"), "verify-export", "given.ndjson"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_stranger_proves_what_a_turnstile_recorded(tmp_path: Path) -> None:
    """Two operators, a document's number and a silence until a day. One changed byte is found."""
    a_morning_at_the_gym(tmp_path)
    handed, file = tmp_path / "handed", BytesIO()
    handed.mkdir()
    with open_folder(tmp_path / "cloud") as (store, keys):
        exports = AuthorityService(store, keys, lambda: NEXT_DAY_MS)
        number = exports.enter(ASKED)
        with pytest.raises(Rejected, match="Another operator"):
            exports.release("lin", number)
        exports.release("wei", number)
        exports.take("wei", number, file)
        with store.reading() as connection:
            seen = {
                (person, days): bool(given_of(connection, SITE.name, person, NEXT_DAY_MS + days * DAY_MS))
                for person in (ZHANG_SAN, ZHANG_DAYI, LI_SI)
                for days in (0, 30)
            }
    assert {who for who, is_seen in seen.items() if is_seen} == {(ZHANG_SAN, 30), (ZHANG_DAYI, 30)}

    content = file.getvalue()
    assert b'"person":"Zhang San"' in content
    assert b'"person":"1-101 (family card)"' in content
    assert b"Li Si" not in content
    (handed / "given.ndjson").write_bytes(content)
    whole = verify(handed)
    assert whole.returncode == 0, whole.stderr
    assert "whole: document (2026) No. 17 of sunny-court, for Officer A (100001), Officer B (100002)" in whole.stdout
    middle = len(content) // 2
    (handed / "given.ndjson").write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    changed = verify(handed)
    assert (changed.returncode, "NOT WHOLE" in changed.stdout) == (1, True)
    assert changed.stderr == ""
