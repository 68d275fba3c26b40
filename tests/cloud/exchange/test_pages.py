"""Import and export on the console: looked at first, then done; what is taken out has a purpose."""

import re
from io import BytesIO
from zipfile import ZipFile

import httpx

from cloud.exchange.pages import MAX_HELD, HeldFiles
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor

GOOD = "姓名,房号,方案\n钱二,9-1-101,yearly\n".encode("gb18030")
BAD = "姓名,房号,方案\n钱二,9-1-101,gold\n".encode()


def upload(visitor: Visitor, content: bytes) -> httpx.Response:
    return visitor.post("/import", data={"csrf": visitor.token("/import")}, files={"file": ("people.csv", content)})


def test_file_is_looked_at_and_then_applied(town: Town) -> None:
    with town.visit("office") as office:
        shown = upload(office, GOOD)
        assert "1 lines change something, 0 change nothing." in words(shown.text)
        assert "钱二" not in office.get("/people?text=9-1-101").text
        code = re.search(r'name="code" value="(\w+)"', shown.text)
        assert code
        fields = {"csrf": office.token("/import"), "code": code[1]}
        assert "look for one that was typed wrongly: 9-1-101 Line 2" in words(shown.text)
        waiting = office.post("/import/apply", data=fields)
        assert (waiting.status_code, "Tick that the new flats" in waiting.text) == (422, True)
        fields["new_flats"] = "1"
        assert "Applied" in words(office.post("/import/apply", data=fields).text)
        assert "钱二" in office.get("/people?text=9-1-101").text
        assert office.post("/import/apply", data=fields).status_code == 422


def test_file_with_problems_cannot_be_applied(town: Town) -> None:
    with town.visit("office", language="zh-CN") as office:
        shown = upload(office, BAD)
        assert shown.status_code == 422
        assert 'name="code"' not in shown.text
        assert "没有方案 gold" in words(shown.text)
        for content in (b"", b"PK\x03\x04", "房号\n1-101\n".encode()):
            assert upload(office, content).status_code == 422


def test_file_belongs_to_who_uploaded_it(town: Town) -> None:
    with town.visit("office") as office, town.visit("admin") as admin:
        code = re.search(r'name="code" value="(\w+)"', upload(office, GOOD).text)
        assert code
        assert admin.submit("/import/apply", "/import", code=code[1]).status_code == 422


def test_upload_has_a_bound_of_its_own(town: Town) -> None:
    with town.visit("office") as office:
        assert upload(office, GOOD + b"\n" * 200_000).status_code == 200
        assert upload(office, b"x" * 5_000_000).status_code == 413


def test_held_files_are_few() -> None:
    held = HeldFiles()
    codes = [held.hold(bytes([number]), bytes([number])) for number in range(MAX_HELD + 1)]
    assert held.take(b"\0", codes[0]) is None
    assert held.take(b"\1", codes[2]) is None
    assert held.take(b"\1", codes[1]) == b"\1"
    assert held.take(b"\1", codes[1]) is None


def test_export_is_downloaded(town: Town) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
    with town.visit("office") as office:
        answer = office.submit("/export", "/export", form="csv", event_days="0")
        assert answer.headers["content-disposition"] == 'attachment; filename="hearthgate-csv.zip"'
        with ZipFile(BytesIO(answer.content)) as packed:
            assert "Li Si" in packed.read("people.csv").decode("utf-8-sig")
            assert "10001" not in packed.read("cards.csv").decode("utf-8-sig")
        made = office.submit("/export", "/export", form="sqlite", event_days="3", case="114", numbers="1")
        assert made.content.startswith(b"SQLite format 3\0")
        with ZipFile(BytesIO(office.submit("/export", "/export", form="ndjson", event_days="0").content)) as packed:
            assert b"Li Si" in packed.read("people.ndjson")


def test_events_are_exported_for_a_purpose_only(town: Town) -> None:
    with town.visit("office") as office:
        for days, purpose in (("3", ""), ("3", "fun"), ("x", ""), ("-1", "")):
            answer = office.submit("/export", "/export", form="csv", event_days=days, purpose=purpose)
            assert answer.status_code == 422
