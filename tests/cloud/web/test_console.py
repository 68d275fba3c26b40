"""The console as a person without scripts sees it: who gets in, and what holds for every page."""

import re
from pathlib import Path

import pytest

from cloud.keys.keys import KeyFolder
from cloud.store.database import Store
from cloud.web.auth import AT_ONE_ADDRESS, LOGIN_LASTS_MS, NAME_FROM_ONE_ADDRESS
from cloud.web.operators import record
from tests.cloud.support.pages import words
from tests.cloud.support.town import PASSWORD, Town

BUDGET_BYTES = 60 * 1024
PAGES = ("/", "/doors", "/events", "/people", "/people/1", "/rosters", "/quarantine", "/audit", "/account")


def test_an_operator_logs_in_looks_around_and_logs_out(town: Town) -> None:
    with town.visit() as visitor:
        assert visitor.get("/people?text=Li").headers["location"] == "/login?next=%2Fpeople%3Ftext%3DLi"
        assert visitor.log_in().headers["location"] == "/"
        for page in (*PAGES, "/devices/gym-turnstile"):
            assert visitor.get(page).status_code == 200
        assert visitor.submit("/logout", "/account").headers["location"] == "/login"
        assert visitor.get("/").status_code == 303


def test_few_pages_need_no_fold(town: Town) -> None:
    with town.visit("company") as clerk, town.visit("gate") as guard:
        assert "More" not in words(clerk.get("/parties/6").text)
        assert "Households" in words(clerk.get("/parties/6").text)
        assert "More" in words(guard.get("/").text)


def test_a_wrong_password_is_said_without_saying_what_was_wrong(town: Town) -> None:
    with town.visit() as visitor:
        known = visitor.log_in("admin", "a wrong password")
        unknown = visitor.log_in("nobody", "a wrong password")
    assert known.status_code == unknown.status_code == 401
    assert words(known.text) == words(unknown.text)
    assert "Wrong name or password" in known.text


def test_a_name_rests_after_five_wrong_passwords_and_an_address_after_twenty(town: Town) -> None:
    with town.visit() as visitor:
        for _ in range(NAME_FROM_ONE_ADDRESS.tries):
            visitor.log_in("admin", "a wrong password")
        assert visitor.log_in("admin").status_code == 401
        for number in range(AT_ONE_ADDRESS.tries - NAME_FROM_ONE_ADDRESS.tries - 1):
            assert visitor.log_in(f"name-{number}", "a wrong password").status_code == 401
        assert visitor.log_in("office").status_code == 429
        town.now_ms += NAME_FROM_ONE_ADDRESS.window_ms
        assert visitor.log_in("admin").status_code == 303


def test_a_login_runs_out(town: Town) -> None:
    with town.visit("admin") as visitor:
        town.now_ms += LOGIN_LASTS_MS
        assert visitor.get("/").status_code == 303


def test_a_password_is_changed_by_who_knows_the_old_one(town: Town) -> None:
    with town.visit("admin") as visitor:
        wrong = visitor.submit("/account/password", "/account", old="not this", new="another long word")
        assert (wrong.status_code, "not the current password" in wrong.text) == (400, True)
        weak = visitor.submit("/account/password", "/account", old=PASSWORD, new="short")
        assert (weak.status_code, "10 to 200" in weak.text) == (400, True)
        done = visitor.submit("/account/password", "/account", old=PASSWORD, new="another long word")
        assert "password is changed" in visitor.get(done.headers["location"]).text
    with town.visit() as again:
        assert again.log_in().status_code == 401
        assert again.log_in("admin", "another long word").status_code == 303


@pytest.mark.parametrize(
    ("path", "lit"),
    [
        ("/", "/"),
        ("/people/1", "/people"),
        ("/doors", "/doors"),
        ("/doors/lockdown", "/doors"),
        ("/devices/gym-turnstile", "/"),
        ("/devices/gym-turnstile/wiring", "/rollouts"),
        ("/rollouts", "/rollouts"),
    ],
)
def test_every_page_lights_the_entry_that_it_belongs_to(town: Town, path: str, lit: str) -> None:
    with town.visit("admin") as visitor:
        page = visitor.get(path).text
    assert re.findall(r'<a href="([^"]+)" aria-current="(?:page|true)"', page) == [lit]


def test_the_command_line_is_no_operator_and_is_named_in_both_languages(town: Town) -> None:
    with town.store.writing() as connection:
        record(connection, town.now_ms, "command line", "device.adopted", "north-gate")
    with town.visit("admin") as visitor:
        assert "command line" in words(visitor.get("/audit").text)
        assert "命令行" in words(visitor.get("/audit?lang=zh-CN").text)


def test_the_audit_can_be_followed_from_its_first_row(town: Town) -> None:
    with town.visit("admin") as visitor:
        assert "Whole from the first row" in visitor.get("/audit?check=1").text
        with town.store.writing() as connection:
            connection.exec_driver_sql("UPDATE audit SET operator = 'nobody' WHERE id = 2")
        assert "Row 2 does not follow" in visitor.get("/audit?check=1").text


def test_an_address_that_leads_nowhere_says_so_in_the_visitors_language(town: Town) -> None:
    with town.visit("office", language="zh-CN") as visitor:
        for path in ("/nowhere", "/people/999", "/devices/none"):
            answer = visitor.get(path)
            assert answer.status_code == 404
            assert "没有这个页面" in answer.text


def test_the_language_is_the_one_asked_for_then_the_one_chosen_before_then_the_browsers(town: Town) -> None:
    with town.visit(language="fr, zh-TW;q=0.8, en;q=0.5") as visitor:
        assert '<html lang="zh-CN">' in visitor.get("/login").text
        assert '<html lang="en">' in visitor.get("/login?lang=en").text
        assert '<html lang="en">' in visitor.get("/login").text
        assert '<html lang="zh-CN">' in visitor.get("/login?lang=zh-CN").text
        assert '<html lang="zh-CN">' in visitor.get("/login?lang=<script>").text


def test_a_demo_says_so_on_every_page(store: Store, keys: KeyFolder) -> None:
    with Town(store, keys, demo=True) as town, town.visit("admin") as visitor:
        for path in (*PAGES, "/nowhere"):
            assert "<b>DEMO</b>" in visitor.get(path).text, path
        visitor.cookies.clear()
        assert "<b>DEMO</b>" in visitor.get("/login").text


def test_what_is_no_demo_does_not_look_like_one(town: Town) -> None:
    with town.visit("admin") as visitor:
        assert "DEMO" not in visitor.get("/").text


def test_the_first_page_is_small_and_asks_nothing_of_other_hosts(town: Town) -> None:
    for number in range(40):
        town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"), replay=number % 2 == 0)
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
        wanted = set(re.findall(r'(?:src|href)="(/assets/[^"#]+)', page))
        assert len(wanted) == 6
        total = len(page.encode()) + sum(len(visitor.get(path).content) for path in wanted)
    assert total <= BUDGET_BYTES
    assert not re.findall(r"https?://", page)


def test_no_page_carries_script_or_style_within(town: Town) -> None:
    with town.visit("admin") as visitor:
        for path in PAGES:
            page = visitor.get(path).text
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
            assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_styles_and_scripts_name_no_other_host() -> None:
    folder = Path(__file__).parents[3] / "cloud" / "web" / "assets"
    for file in folder.iterdir():
        hosts = set(re.findall(r"https?://([\w.]+)", file.read_text()))
        assert hosts <= {"www.w3.org"}, file.name


def test_every_field_has_a_label_and_every_form_a_button(town: Town) -> None:
    with town.visit("admin") as visitor:
        pages = [visitor.get(path).text for path in ("/events", "/people", "/people/1", "/account", "/audit")]
        visitor.cookies.clear()
        pages.append(visitor.get("/login").text)
    for page in pages:
        for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
            assert "<button" in form
            bare = re.sub(r"<label.*?</label>", "", form, flags=re.DOTALL)
            assert not re.findall(r"<(?:select|textarea)", bare)
            fields = re.findall(r"<input[^>]*>", bare)
            assert all("hidden" in field for field in fields), fields
        assert len(re.findall(r"<h1", page)) == 1
