"""A property office founds an estate from three files: its setup, its flats, and the people with their cards."""

import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud import cli
from cloud.keys.folder import open_folder
from cloud.people.community import load_community
from cloud.people.grants import grants
from contract.credentials import canonical, encode
from contract.decide import Facts, Request, Trust, weigh
from contract.reasons import Reason
from contract.roster import Row
from contract.sealing import credential_digest
from contract.site_page import Site, pack_site
from firmware_sim.people import estate
from tests.cloud.test_cli import Typing

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(SHANGHAI)
WEDNESDAY = datetime.combine(TODAY.date() + timedelta(days=7 + (2 - TODAY.weekday()) % 7), time(11), SHANGHAI)
NOW_MS = int(WEDNESDAY.timestamp() * 1000)
"""A Wednesday after today at eleven: the command line works by the machine's clock."""
SIZES = [(90, 12), pytest.param(estate.FLATS, estate.COMPANIES, marks=pytest.mark.slow)]
AT_ELEVEN = Facts(zone=SHANGHAI, clock=Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0)


class Estate:
    """The estate as its devices would know it."""

    def __init__(self, folder: Path) -> None:
        with open_folder(folder) as (store, keys), store.reading() as connection:
            rows, page = grants(load_community(connection), NOW_MS)
            self._key = keys.digest
        self._site = Site.from_blob(pack_site(page))
        self._rows: dict[bytes, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(row.digest, []).append(row)

    def reason(self, person: estate.EstatePerson, point: str) -> Reason:
        bits = canonical(encode("H10301", number=person.card, facility=person.facility))
        assert bits is not None
        digest = credential_digest(self._key, bits)
        held = [self._site.grant(row) for row in self._rows.get(digest, ())]
        return weigh(Request(point, digest), held, AT_ELEVEN, NOW_MS).reason


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Typing]:
    yield Typing(capsys, monkeypatch)


@pytest.mark.parametrize(("flats", "companies"), SIZES)
def test_estate_is_founded_from_three_files(typed: Typing, tmp_path: Path, flats: int, companies: int) -> None:
    """Nothing but ``init``, ``setup apply`` and ``import``: then everybody passes where they live or work, and nobody
    at another unit or on another floor."""
    folder, setup, table = tmp_path / "oak", tmp_path / "setup.toml", tmp_path / "people.csv"
    cli.init(folder, site="oak-court")
    setup.write_text(estate.setup_toml(flats), encoding="utf-8")
    (tmp_path / "flats.csv").write_text(estate.flats_csv(flats), encoding="utf-8")
    table.write_text(estate.people_csv(flats, companies), encoding="utf-8")
    typed("setup", "apply", setup, "--dir", folder)
    typed("import", table, "--new-companies", "--dir", folder)
    assert "nothing differs" in typed("setup", "apply", setup, "--dir", folder)
    here, everybody = Estate(folder), list(estate.people(flats, companies))
    residents = [one for one in everybody if one.flat]
    founder, neighbour, far = residents[0], residents[4], residents[-1]
    assert far.flat.split("-")[:2] != founder.flat.split("-")[:2]
    floor = next(flat.floor for flat in estate.flats(flats) if flat.name == founder.flat)
    unit = founder.flat.rpartition("-")[0]
    assert here.reason(founder, f"door-{unit}") is Reason.ALLOWED
    assert here.reason(founder, f"lift-{unit}-{floor}") is Reason.ALLOWED
    assert here.reason(founder, f"lift-{unit}-{floor + 1}") is Reason.NOT_ENTITLED
    assert here.reason(neighbour, f"door-{unit}") is Reason.ALLOWED
    assert here.reason(far, f"door-{unit}") is Reason.NOT_ENTITLED
    for who in everybody[:: max(1, len(everybody) // 40)]:
        assert (here.reason(who, "gym-turnstile") is Reason.ALLOWED) == (who.plan in ("founder", "yearly")), who
        assert (here.reason(who, "office-door") is Reason.ALLOWED) == bool(who.company), who
        assert (here.reason(who, "east-gate") is Reason.ALLOWED) == bool(who.flat), who


def test_doubled_table_of_people_changes_nothing(typed: Typing, tmp_path: Path) -> None:
    """The same file a second time: everybody is there already."""
    folder, table = tmp_path / "oak", tmp_path / "people.csv"
    cli.init(folder, site="oak-court")
    (tmp_path / "setup.toml").write_text(estate.setup_toml(6), encoding="utf-8")
    (tmp_path / "flats.csv").write_text(estate.flats_csv(6), encoding="utf-8")
    table.write_text(estate.people_csv(6, 1), encoding="utf-8")
    typed("setup", "apply", tmp_path / "setup.toml", "--dir", folder)
    typed("import", table, "--new-companies", "--dir", folder)
    before = Estate(folder)
    again = json.loads(typed("import", table, "--json", "--dir", folder))
    assert [line["adds"] for line in again["lines"]] == [[]] * len(list(estate.people(6, 1)))
    person = next(estate.people(6, 1))
    assert Estate(folder).reason(person, "gym-turnstile") == before.reason(person, "gym-turnstile") == Reason.ALLOWED
