"""The tip of the audit is written once a day, and finds whoever writes the audit anew."""

from pathlib import Path

import pytest

from cloud.operators.tip import BadTips, Tip, read_tips, write_tip
from cloud.operators.tips import FILE, AuditTipService
from cloud.store.database import Store
from cloud.web.operators import AuditEntry, _link, record
from cloud.web.tables import audit
from contract.decide import DAY_MS
from contract.events import CHAIN_START
from tests.cloud.support.pages import words
from tests.cloud.support.town import NOW_MS, Town


def tips_of(town: Town, folder: Path) -> AuditTipService:
    return AuditTipService(town.store, folder, town.clock)


def note(town: Town, subject: str) -> None:
    with town.store.writing() as connection:
        record(connection, town.now_ms, "admin", "flat.added", subject)


def forge(store: Store) -> None:
    """Change a row in the middle, and chain all rows anew."""
    with store.writing() as connection:
        rows = connection.execute(audit.select().order_by(audit.c.id)).all()
        link = CHAIN_START
        for row in rows:
            subject = "9-999" if row.subject == "1-101" else row.subject
            link = _link(link, AuditEntry(row.id, row.at_ms, row.operator, row.action, subject, row.detail))
            connection.execute(audit.update().where(audit.c.id == row.id).values(subject=subject, link=link))


def test_tip_is_written_once_a_day(town: Town, tmp_path: Path) -> None:
    for _ in range(3):
        tips_of(town, tmp_path).look()
    note(town, "1-101")
    town.now_ms += DAY_MS
    service = tips_of(town, tmp_path)
    service.look()
    service.look()
    newest, first = service.newest()
    assert (first.day, newest.day) == ("2027-01-15", "2027-01-16")
    assert newest.row == first.row + 1
    assert service.verify(service.all()).is_whole


def test_audit_written_anew_is_found(town: Town, tmp_path: Path) -> None:
    """The chain is whole again: only what was written down outside the database tells."""
    service = tips_of(town, tmp_path)
    note(town, "1-101")
    service.look()
    forge(town.store)
    found = service.verify(service.all())
    assert found.broken is None
    assert [one.how for one in found.findings] == ["differs"]
    assert not found.is_whole
    with town.visit("auditor") as auditor:
        page = words(auditor.get("/audit?check=1").text)
    assert "somebody wrote the audit anew" in page
    assert "2027-01-15 row" in page


@pytest.mark.parametrize("line", ["{}", "yesterday", '{"day": 1}'])
def test_line_that_is_no_tip_is_named(line: str) -> None:
    good = write_tip(Tip("2027-01-15", 7, "ab" * 32, NOW_MS))
    with pytest.raises(BadTips, match="line 2"):
        list(read_tips([good, line]))


def test_folder_without_tips_has_none(town: Town, tmp_path: Path) -> None:
    assert not (tmp_path / FILE).exists()
    assert tips_of(town, tmp_path).newest() == []
