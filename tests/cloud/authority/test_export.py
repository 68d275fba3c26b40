"""What is given to an authority needs two operators, proves itself to a stranger, and is no secret for ever."""

import json
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete

from cloud import cli
from cloud.authority.proof import Broken, JournalPiece, NoExport, events_of, verify_export
from cloud.devices.tables import journal_seals
from cloud.parties.party import MemberRole, PartyMember
from cloud.parties.store import add_party_member, change_party, parties_of_people
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import NOW_MS, Town, Visitor

ASKED = {
    "document": "调证〔2027〕17",
    "officer1_name": "Officer A",
    "officer1_number": "100001",
    "officer2_name": "Officer B",
    "officer2_number": "100002",
    "since": "2027-01-15T15:00",
    "until": "2027-01-15T18:00",
    "embargo": "2027-02-15",
}

EVENING_MS = NOW_MS + 2 * HOUR_MS
"""The end of the span that is asked for."""


@pytest.fixture
def day(town: Town) -> Town:
    """Wang Wu is refused at the gym, Li Si enters, both in one batch; then Wang Wu again, alone."""
    for name, kind in (("Wang Wu", "refused"), ("Li Si", "allowed"), ("Wang Wu", "refused")):
        town.now_ms += HOUR_MS // 2
        town.happens(f"access.{kind}", reason="expired", holder=town.holder(name), direction="in")
    town.now_ms = EVENING_MS
    return town


def enter(admin: Visitor, **fields: str) -> None:
    answer = admin.submit("/authority", "/authority", **{**ASKED, **fields})
    assert answer.headers["location"] == "/authority?done=entered"


def given(town: Town, **fields: str) -> bytes:
    """The file of a request that was entered and released."""
    with town.visit("admin") as admin, town.visit("office") as office:
        enter(admin, **fields)
        own = admin.submit("/authority/1/release", "/authority")
        assert "you entered it" in words(own.text)
        assert admin.submit("/authority/1/file", "/authority").status_code == 409
        assert office.submit("/authority/1/release", "/authority").status_code == 303
        file = office.submit("/authority/1/file", "/authority")
        assert file.headers["content-disposition"] == "attachment; filename=authority-1.ndjson"
        shown = words(admin.get("/audit").text)
        assert "Took the sealed file for an authority" in shown
    return file.content


def lines(file: bytes) -> list[bytes]:
    return file.splitlines(keepends=True)


def test_file_is_proved_by_the_devices(day: Town) -> None:
    """Of a person alone: what lies between is withheld, and what comes behind it in its batch is proved."""
    report = verify_export(lines(given(day, people="7")))
    assert report.head.document == ASKED["document"]
    assert (report.proved, report.by_cloud, report.withheld) == (2, 0, 0)
    assert report.keys.keys() == {"gym-turnstile"}


def test_withheld_rows_are_nobody_s_business(town: Town) -> None:
    """In one batch a row before a withheld one rests on the cloud's word: the chain over it cannot be computed."""
    sender = town.senders["gym-turnstile"]
    for name in ("Wang Wu", "Li Si", "Wang Wu"):
        keep(town, name)
    town.sends("gym-turnstile", 1, len(sender.rows))
    town.now_ms = EVENING_MS
    file = given(town, people="7")
    report = verify_export(lines(file))
    assert (report.proved, report.by_cloud, report.withheld) == (1, 1, 1)
    assert town.holder("Li Si").encode() not in file
    (piece,) = (msgspec.json.decode(line, type=JournalPiece) for line in lines(file) if b'"line":"piece"' in line)
    assert [row.person for row, _ in events_of(piece)] == ["Wang Wu", "Wang Wu"]


def keep(town: Town, name: str) -> None:
    """Something happens that is not sent yet."""
    from contract.decide import Trust
    from contract.events import Event, encode_event

    sender = town.senders["gym-turnstile"]
    seq = len(sender.rows) + 1
    data = {"reason": "expired", "holder": town.holder(name), "direction": "in"}
    event = Event(seq, town.now_ms + seq, seq, "b7", Trust.SYNCED, "gym-turnstile", "access.refused", data)
    sender.keep(encode_event(event))


def test_rows_without_a_seal_come_by_batch(day: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are, no line is longer than whoever verifies it reads."""
    monkeypatch.setattr("cloud.authority.store.MAX_BATCH_EVENTS", 2)
    with day.store.writing() as connection:
        connection.execute(delete(journal_seals))
    file = lines(given(day, points="gym-turnstile"))
    report = verify_export(file)
    assert (report.proved, report.by_cloud, report.withheld) == (0, 3, 0)
    assert len(file) == len(["head", "two rows", "one row", "tail"])


def test_rows_without_a_seal_end_before_the_next(day: Town) -> None:
    """Of three batches the seal of the second alone is kept: its row is proved, those around it rest on the cloud."""
    with day.store.writing() as connection:
        connection.execute(delete(journal_seals).where(journal_seals.c.last != 2))
    file = lines(given(day, points="gym-turnstile"))
    report = verify_export(file)
    assert (report.proved, report.by_cloud, report.withheld) == (1, 2, 0)
    pieces = [msgspec.json.decode(line, type=JournalPiece) for line in file if b'"line":"piece"' in line]
    assert [(piece.first, piece.last, bool(piece.seal)) for piece in pieces] == [
        (1, 1, False),
        (2, 2, True),
        (3, 3, False),
    ]


def test_passage_with_a_family_card_is_given(town: Town) -> None:
    """Wang Wu's household has a card: its passages are his as well, named by the household, and his wife, who moved out
    before, is not looked at."""
    card = "0f1e2d3c4b5a6978"
    with town.store.writing() as connection:
        (home,) = (party.id for _, party in parties_of_people(connection, SITE, [7]))
        change_party(connection, SITE, home, holder=bytes.fromhex(card))
        add_party_member(connection, SITE, PartyMember(0, home, 1, MemberRole.ADULT))
        add_party_member(connection, SITE, PartyMember(0, home, 5, MemberRole.ADULT, ended_ms=NOW_MS - DAY_MS))
    town.happens("access.allowed", reason="allowed", holder=card, direction="in")
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    town.now_ms = EVENING_MS
    file = given(town, people="7")
    pieces = [msgspec.json.decode(line, type=JournalPiece) for line in lines(file) if b'"line":"piece"' in line]
    assert [row.person for piece in pieces for row, _ in events_of(piece)] == ["3-303 (family card)"]
    town.now_ms = NOW_MS + 31 * DAY_MS
    with town.visit("auditor") as auditor:
        seen = [person for person in (1, 5, 7) if "Given to an authority" in auditor.get(f"/people/{person}").text]
    assert seen == [1, 7]


def test_export_is_asked_for_by_calls(day: Town) -> None:
    """As on the pages: the second operator releases it, and what is not in order is named."""
    officers = [{"name": f"Officer {one}", "number": number} for one, number in (("A", "1"), ("B", "2"))]
    asked: dict[str, object] = {"document": "17", "officers": officers, "people": [7]}
    asked |= {"from_ms": NOW_MS, "until_ms": EVENING_MS, "embargo_until_ms": EVENING_MS + DAY_MS}
    with day.visit("admin") as admin, day.visit("office") as office:
        mine, theirs = ({"X-CSRF-Token": one.token("/account")} for one in (admin, office))
        made = admin.post("/api/v1/authority", json=asked, headers=mine)
        assert (made.status_code, made.json()) == (201, {"id": 1})
        refused = admin.post("/api/v1/authority", json={**asked, "people": [99]}, headers=mine)
        assert (refused.status_code, "no such person: 99" in refused.text) == (422, True)
        assert admin.post("/api/v1/authority/1/release", headers=mine).status_code == 409
        assert office.post("/api/v1/authority/1/file", headers=theirs).status_code == 409
        assert office.post("/api/v1/authority/1/release", headers=theirs).status_code == 204
        assert office.post("/api/v1/authority/1/withdraw", headers=theirs).status_code == 409
        file = office.post("/api/v1/authority/1/file", headers=theirs)
        (listed,) = office.get("/api/v1/authority").json()
    assert verify_export(lines(file.content)).proved == 2
    assert (listed["document"], listed["entered_by"], listed["released_by"]) == ("17", "admin", "office")


@pytest.mark.parametrize("change", ["stored", "link", "officer", "cut", "order", "seal", "again"])
def test_changed_file_is_found(day: Town, change: str) -> None:
    head, *pieces, tail = lines(given(day, points="gym-turnstile"))
    if change == "stored":
        pieces[0] = pieces[0].replace(b'"stored":"98', b'"stored":"99')
    elif change == "link":
        pieces[1] = pieces[1].replace(b'"prev":"', b'"prev":"00')
    elif change == "officer":
        head = head.replace(b"Officer A", b"Officer C")
    elif change == "cut":
        tail = b""
    elif change == "order":
        pieces = pieces[::-1]
    elif change == "seal":
        tail = tail.replace(b'"seal":"', b'"seal":"00')
    else:
        pieces.append(pieces[0])
    with pytest.raises(Broken):
        verify_export([line for line in (head, *pieces, tail) if line])


def test_cloud_that_seals_a_forgery_is_found(day: Town) -> None:
    """Even the community itself cannot give other rows than its devices recorded."""
    import hashlib

    from cloud.authority.proof import Tail, tail_statement

    head, *pieces, _ = lines(given(day, points="gym-turnstile"))
    forged = [piece.replace(b"65787069726564", b"65787069726565") for piece in pieces]
    assert forged != pieces
    digest = hashlib.sha256(b"".join((head, *forged))).digest()
    seal = day.keys.export.sign(tail_statement("sunny-court", digest))
    tail = msgspec.json.encode(Tail(digest.hex(), day.keys.export.public().hex(), seal.hex())) + b"\n"
    with pytest.raises(Broken, match="were changed or left out"):
        verify_export([head, *forged, tail])


@pytest.mark.parametrize("content", [b"", b"time,holder\n", b'{"line":"tail","sha256":"","key":"","seal":""}\n'])
def test_other_file_is_no_export(content: bytes) -> None:
    with pytest.raises(NoExport, match=r"the file is empty|this is no export to an authority"):
        verify_export(lines(content))


def test_embargo_ends_and_people_see_it(day: Town) -> None:
    given(day, people="7")
    with day.visit("auditor") as auditor:
        assert "Given to an authority" not in auditor.get("/people/7").text
    day.now_ms = NOW_MS + 31 * DAY_MS
    with day.visit("auditor") as auditor:
        assert "document 调证〔2027〕17: what happened from 2027-01-15 15:00:00" in words(auditor.get("/people/7").text)
        assert "Given to an authority" not in auditor.get("/people/5").text


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"document": ""}, "Write the number"),
        ({"officer2_name": "officer a", "officer2_number": "100001"}, "two officers"),
        ({"officer2_number": "100001"}, "two officers"),
        ({"officer2_number": ""}, "two officers"),
        ({"until": "2027-01-15T14:00"}, "at most a year"),
        ({"since": "2024-01-15T14:00"}, "at most a year"),
        ({"until": "2027-01-15T18:01"}, "has ended by now"),
        ({"since": "noon"}, "A time is written as"),
        ({"people": ""}, "everything is given to nobody"),
        ({"people": "", "points": "no-gate"}, "There is no such point: no-gate"),
        ({"people": "99"}, "There is no such person: 99"),
        ({"people": "Wang"}, "check every field"),
        ({"embargo": "2029-01-01"}, "at most a year"),
        ({"embargo": "2027-01-01"}, "at most a year"),
    ],
)
def test_request_that_is_not_in_order_is_rejected(town: Town, fields: dict[str, str], why: str) -> None:
    town.now_ms = EVENING_MS
    with town.visit("admin") as admin:
        answer = admin.submit("/authority", "/authority", **{**ASKED, "people": "7", **fields})
        assert answer.status_code == 422
        assert why in words(answer.text)
        assert "There is none." in words(admin.get("/authority").text)


def test_people_and_points_are_chosen(day: Town) -> None:
    """Whoever is found stands in the form as a tick, beside what was typed; nobody types a number or a name on the
    wire. What was entered is shown by its names."""
    with day.visit("admin") as admin:
        typed = {**ASKED, "points": "gym-turnstile"}
        target = {"field": "person", "to": "/authority?again=1", "say": "Add"}
        token = admin.token("/authority")
        found = admin.post("/people/choose", params=target, data={"csrf": token, **typed, "find_person": "王五"})
        assert 'name="person" value="7"' in found.text and 'name="points" value="gym-turnstile"' in found.text
        form = admin.submit("/authority?again=1", "/authority", **typed, person="7").text
        assert 'name="people" value="7" checked' in form and 'value="gym-turnstile" checked' in form
        assert f'value="{ASKED["document"]}"' in form
        refused = admin.submit("/authority", "/authority", **{**typed, "document": " "}, people="7").text
        assert 'name="people" value="7" checked' in refused and 'value="gym-turnstile" checked' in refused
        enter(admin, points="gym-turnstile", people="7")
        assert "· Gym turnstile · Wang Wu" in words(admin.get("/authority").text)


def test_public_keys_are_shown(day: Town) -> None:
    """The auditor sees the keys of the file; a guard has no use for them."""
    report = verify_export(lines(given(day, people="7")))
    with day.visit("auditor") as auditor, day.visit("gate") as guard:
        shown = auditor.get("/authority/keys").text
        assert guard.get("/authority/keys").status_code == 403
    for key in (report.cloud_key, report.keys["gym-turnstile"]):
        assert key in shown


def test_withdrawn_request_is_never_released(town: Town) -> None:
    town.now_ms = EVENING_MS
    with town.visit("admin") as admin, town.visit("office") as office:
        enter(admin, people="7")
        assert admin.submit("/authority/1/withdraw", "/authority").status_code == 303
        assert "or withdrawn" in words(office.submit("/authority/1/release", "/authority").text)


def test_missing_file_is_one_plain_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["hearthgate-cloud", "verify-export", str(tmp_path / "none.ndjson")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "none.ndjson: No such file or directory" in capsys.readouterr().err


def test_stranger_verifies_with_a_command(
    day: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "given.ndjson"
    file.write_bytes(given(day, people="7"))
    for content, code, said in (
        (file.read_bytes(), 0, "2 events are proved by the seals of their devices"),
        (file.read_bytes().replace(b"100001", b"100003"), 1, "NOT WHOLE: the file was changed"),
        (b"{}\n", 2, ""),
    ):
        file.write_bytes(content)
        monkeypatch.setattr("sys.argv", ["hearthgate-cloud", "verify-export", str(file)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert int(ended.value.code or 0) == code
        assert said in capsys.readouterr().out
    file.write_bytes(given_again(day))
    monkeypatch.setattr("sys.argv", ["hearthgate-cloud", "verify-export", str(file), "--json"])
    with pytest.raises(SystemExit):
        cli.main()
    assert json.loads(capsys.readouterr().out)["whole"] is True


def given_again(town: Town) -> bytes:
    with town.visit("office") as office:
        return office.submit("/authority/1/file", "/authority").content
