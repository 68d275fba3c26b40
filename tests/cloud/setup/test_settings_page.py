"""The setup in the console: taken away as a file, looked at before it is applied, and never applied over another's."""

import re
from collections.abc import Iterator
from html import unescape

import pytest

from cloud.people.store import list_plans
from cloud.points.zones import ZoneService
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor

ROOF = '\n[[zone]]\nname = "roof"\nlabel = { zh = "屋顶", en = "Roof garden" }\n'


@pytest.fixture
def admin(town: Town) -> Iterator[Visitor]:
    with town.visit("admin") as visitor:
        yield visitor


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


def test_setup_is_downloaded_and_applied_after_a_look(town: Town, admin: Visitor) -> None:
    answer = admin.get("/settings/setup.toml")
    assert answer.headers["content-disposition"] == "attachment; filename=setup.toml"
    text = answer.text + ROOF
    looked = admin.submit("/settings/preview", "/settings", text=text)
    assert looked.status_code == 200
    assert "Nobody loses a point." in looked.text
    assert "roof" in looked.text
    assert "Roof garden" not in admin.get("/zones").text
    done = admin.submit("/settings/apply", "/settings", text=text, as_of=hidden(looked.text, "as_of"))
    assert done.headers["location"] == "/settings?done=applied"
    assert "The setup is applied" in admin.get("/settings?done=applied").text
    assert "Roof garden" in admin.get("/zones").text


def test_setup_is_uploaded_with_its_csv(town: Town, admin: Visitor) -> None:
    files = {
        "setup": ("moon.toml", b'flats = "f.csv"\n', "application/toml"),
        "csv": ("f.csv", b"name\n9-1-101\n1-101\n2-502\n3-303\n5-606\n6-1202\n", "text/csv"),
    }
    token = admin.token("/settings")
    looked = admin.post("/settings/preview", data={"csrf": token}, files=files)
    assert "9-1-101" in looked.text
    assert 'name="beside-f.csv"' in looked.text
    carried = {"text": 'flats = "f.csv"\r\n', "beside-f.csv": files["csv"][1].decode().replace("\n", "\r\n")}
    done = admin.submit("/settings/apply", "/settings", **carried, as_of=hidden(looked.text, "as_of"))
    assert done.headers["location"] == "/settings?done=applied"
    assert "9-1-101" in admin.get("/settings/flats.csv").text


def test_wrong_lines_stand_above_the_form(admin: Visitor) -> None:
    answer = admin.submit("/settings/preview", "/settings", text="[[zone]]\nname = 'Gym'\nsize = 1\n")
    assert answer.status_code == 422
    assert "setup.toml:2: zone[0].name" in answer.text
    assert "setup.toml:3: zone[0].size: unknown key" in answer.text
    assert "size = 1" in answer.text, "what was typed is not lost"
    for empty in ({}, {"text": "   "}):
        assert "Choose a setup file" in admin.submit("/settings/preview", "/settings", **empty).text


def test_grave_change_wants_its_code(town: Town, admin: Visitor) -> None:
    text = admin.get("/settings/setup.toml").text
    text = text.replace('estate = "always", home = "always", own-floor = "always"', 'home = "always"')
    looked = admin.submit("/settings/preview", "/settings", text=text)
    assert "People who lose a way home: 8." in looked.text
    assert "Zhang San" in looked.text
    (code,) = re.findall(r"<code>(\w{8})</code>", looked.text)
    as_of = hidden(looked.text, "as_of")
    for wrong in ("", "00000000"):
        answer = admin.submit("/settings/apply", "/settings", text=text, as_of=as_of, accept=wrong)
        assert (answer.status_code, "Nothing was changed yet" in answer.text) == (422, True)
    changes = town.changes
    assert admin.submit("/settings/apply", "/settings", text=text, as_of=as_of, accept=code).status_code == 303
    assert town.changes > changes
    with town.store.reading() as connection:
        resident = next(plan for plan in list_plans(connection) if plan.name == "resident")
    assert dict(resident.opens) == {"home": "always"}


def test_second_clerk_gets_409_with_what_changed(town: Town, admin: Visitor) -> None:
    text = re.sub(r"as_of_change = \d+\n", "", admin.get("/settings/setup.toml").text) + ROOF
    looked = admin.submit("/settings/preview", "/settings", text=text)
    ZoneService(town.store, town.clock).add("office", "yard")
    answer = admin.submit("/settings/apply", "/settings", text=text, as_of=hidden(looked.text, "as_of"))
    assert answer.status_code == 409
    assert "Added a zone" in answer.text
    assert "office" in answer.text
    assert "yard" in answer.text
    assert unescape(answer.text).count(ROOF) == 1, "the text is kept"
    assert "Roof garden" not in admin.get("/zones").text


def test_what_differs_in_nothing_changes_nothing(town: Town, admin: Visitor) -> None:
    text = admin.get("/settings/setup.toml").text
    answer = admin.submit("/settings/preview", "/settings", text=text)
    assert answer.headers["location"] == "/settings?done=same"


@pytest.mark.parametrize("name", ["office", "gate"])
def test_settings_are_for_administrators(town: Town, name: str) -> None:
    with town.visit(name) as visitor:
        assert visitor.get("/settings").status_code == 403
        assert visitor.get("/settings/setup.toml").status_code == 403
        assert visitor.submit("/settings/apply", "/account", text="zone = []").status_code == 403


def test_too_large_setup_is_sent_to_the_terminal(admin: Visitor) -> None:
    answer = admin.submit("/settings/preview", "/settings", text="# " + "x" * 950_000)
    assert answer.status_code == 422
    assert "hearthgate-cloud setup apply" in answer.text


def test_wrong_lines_are_named_in_chinese(town: Town) -> None:
    text = (
        "[[zone]]\nname = 'Gym'\nsize = 1\nparent = 'moon'\n[[hours]]\nname = 'n'\ndaily = '22:00-13:00'\n"
        "[[cell]]\nname = 'c'\npoints = ['nowhere']\n[[duty]]\nname = 'd'\noperators = []\n[retention]\nevents = 'x'\n"
    )
    with town.visit("admin", language="zh") as admin:
        shown = unescape(admin.submit("/settings/preview", "/settings", text=text).text)
    for line in (
        "setup.toml:2: zone[0].name: 'Gym' 不是由小写字母、数字和连字符组成的名称（最多 40 个字符）",
        "setup.toml:3: zone[0].size: 没有这个键；已有：name、label",
        "setup.toml:7: hours[0].daily: “22:00-13:00”结束早于开始",
        "setup.toml:10: cell c points: 没有点位 nowhere；已有：east-gate",
        "setup.toml:13: duty d operators: 至少写一名可以联系的操作员",
        "setup.toml:15: retention.events: 'x' 不是一个整数",
    ):
        assert line in shown, line


def test_name_of_the_site_changes_at_once(town: Town, admin: Visitor) -> None:
    text = '[site]\nname = "sunny-court"\nzone = "Asia/Shanghai"\nlabel = { zh = "晴苑二期", en = "Sunny Two" }\n'
    assert admin.submit("/settings/apply", "/settings", text=text).status_code == 303
    assert "Sunny Two" in admin.get("/").text


def test_refused_setup_keeps_its_csv_files(town: Town, admin: Visitor) -> None:
    files = {"setup": ("s.toml", b'flats = "f.csv"\nzoned = 1\n'), "csv": ("f.csv", b"name\n7-701\n")}
    token = {"csrf": admin.token("/settings")}
    answer = admin.post("/settings/preview", data=token, files=files)
    assert answer.status_code == 422
    assert 'flats = "f.csv"' in unescape(answer.text)
    assert "name\n7-701" in answer.text.partition('name="beside-f.csv"')[2]


def test_changed_values_stand_in_words(town: Town, admin: Visitor) -> None:
    """Neither braces nor quotes of a programming language, before or after it is done."""
    text = '[[zone]]\nname = "gym"\nlabel = { zh = "健身房", en = "Gymnasium" }\nparent = "estate"\n'
    text += '[[zone]]\nname = "estate"\nlabel = { zh = "小区", en = "Estate" }\n[[zone]]\nname = "hub"\nkind = "hub"\n'
    looked = admin.submit("/settings/preview", "/settings", text=text)
    assert "label.en: Gym → Gymnasium" in words(looked.text)
    changed = admin.submit("/settings/apply", "/settings", text=text, as_of=hidden(looked.text, "as_of"))
    assert changed.status_code == 303
    audited = words(admin.get("/audit").text)
    assert "zh 健身房, en Gymnasium" in audited
    assert "{" not in audited
