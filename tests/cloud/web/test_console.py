"""The console's pages as a person without scripts sees them."""

import html
import re
from pathlib import Path

import pytest

from cloud.keys.keys import KeyFolder
from cloud.overview.metrics import Workings
from cloud.people.rosters import Roster, add_roster
from cloud.people.store import load_community
from cloud.store.database import Store
from cloud.store.revision import revision
from cloud.web.auth import AT_ONE_ADDRESS, LOGIN_LASTS_MS, NAME_FROM_ONE_ADDRESS
from cloud.web.operators import record
from contract.decide import DAY_MS, Standing, Trust
from contract.messages import RosterState
from tests.cloud.support.town import PASSWORD, Town

BUDGET_BYTES = 60 * 1024
PAGES = ("/", "/doors", "/events", "/people", "/people/1", "/rosters", "/quarantine", "/audit", "/account")
TAG = re.compile(r"<[^>]+>")


def words(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(html.unescape(TAG.sub(" ", page)).split())


def line(page: str, arrival: int) -> str:
    found = re.search(rf'<li class="line[^>]*id="event-{arrival}".*?</li>', page, re.DOTALL)
    assert found, f"event {arrival} is not shown"
    return found[0]


def card(page: str, device: str) -> str:
    found = re.search(rf'<article class="device[^>]*id="device-{device}".*?</article>', page, re.DOTALL)
    assert found, f"{device} is not shown"
    return found[0]


def tile(page: str, label: str) -> int:
    found = re.search(rf"<b>(\d+)</b><span>{label}</span>", page)
    assert found, f"there is no tile {label}"
    return int(found[1])


def test_an_operator_logs_in_looks_around_and_logs_out(town: Town) -> None:
    with town.visit() as visitor:
        assert visitor.get("/people?text=Li").headers["location"] == "/login?next=%2Fpeople%3Ftext%3DLi"
        assert visitor.log_in().headers["location"] == "/"
        for page in (*PAGES, "/devices/gym-turnstile"):
            assert visitor.get(page).status_code == 200
        assert visitor.submit("/logout", "/account").headers["location"] == "/login"
        assert visitor.get("/").status_code == 303


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
        assert (wrong.status_code, "not the password" in wrong.text) == (400, True)
        weak = visitor.submit("/account/password", "/account", old=PASSWORD, new="short")
        assert (weak.status_code, "10 to 200" in weak.text) == (400, True)
        done = visitor.submit("/account/password", "/account", old=PASSWORD, new="another long word")
        assert "password is changed" in visitor.get(done.headers["location"]).text
    with town.visit() as again:
        assert again.log_in().status_code == 401
        assert again.log_in("admin", "another long word").status_code == 303


def test_an_event_says_when_where_who_and_what(town: Town) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    town.happens("access.refused", device="east-gate", reason="expired", holder=town.holder("Wang Wu"))
    town.happens("access.refused", device="hub-door", reason="unknown_credential", digest="abcdef")
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
    assert words(line(page, 1)) == "16:00:00 Gym turnstile Li Si 2-502 Allowed"
    assert words(line(page, 2)) == "16:00:00 East gate Wang Wu 3-303 Refused This membership has ended"
    assert words(line(page, 3)) == "16:00:00 Hub door unknown card Refused This card is not enrolled"
    assert 'title="2027-01-15 16:00:00"' in line(page, 1)
    assert "abcdef" not in page


def test_the_same_event_in_chinese(town: Town) -> None:
    town.happens("access.refused", device="east-gate", reason="expired", holder=town.holder("Wang Wu"))
    with town.visit("gate", language="zh-CN,zh;q=0.9,en;q=0.5") as visitor:
        page = visitor.get("/").text
    assert '<html lang="zh-CN">' in page
    assert words(line(page, 1)) == "16:00:00 东门 王五 3-303 拒绝 会员资格已到期"


def test_a_change_of_mode_says_which(town: Town) -> None:
    town.happens("door.mode", device="east-gate", mode="lockdown", number=1)
    town.happens("door.mode", device="east-gate", mode="lock_down_twice", number=2)
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
        chinese = visitor.get("/?lang=zh-CN").text
    assert words(line(page, 1)) == "16:00:00 East gate Door set to another mode locked down (out only)"
    assert words(line(page, 2)) == "16:00:00 East gate Door set to another mode lock down twice"
    assert words(line(chinese, 1)) == "16:00:00 东门 门的模式已变更 紧急封闭（只出不进）"


def test_the_page_of_a_device_says_that_its_door_is_locked_down(town: Town) -> None:
    town.beats("east-gate", points={"east-gate": {"phase": "closed", "mode": "lockdown"}})
    town.beats("hub-door", points={"hub-door": {"phase": "closed", "mode": "scheduled"}})
    with town.visit("gate") as visitor:
        assert "Mode locked down (out only)" in words(visitor.get("/devices/east-gate").text)
        assert "Mode" not in words(visitor.get("/devices/hub-door").text)


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


def test_an_event_made_offline_or_by_a_doubtful_clock_says_so(town: Town) -> None:
    town.happens("door.shut", replay=True, clock=Trust.UNSET, at_ms=town.now_ms - DAY_MS)
    town.happens("door.shut")
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
    assert words(line(page, 1)) == "01-14 16:00 Gym turnstile Door shut sent later Clock not set"
    assert words(line(page, 2)) == "16:00:00 Gym turnstile Door shut"


def test_what_happened_before_a_device_learned_the_time_is_shown_when_it_happened(town: Town) -> None:
    long_ago_ms = town.now_ms - 400 * DAY_MS
    town.happens("door.held", clock=Trust.UNSET, at_ms=long_ago_ms)
    with town.visit("admin") as visitor:
        before = visitor.get("/events").text
        town.happens("device.clock_fixed", point="", boot="b7", offset_ms=town.now_ms - 60_001, error_ms=30)
        after = visitor.get("/events").text
        told = visitor.get("/api/v1/events?kind=door.held").json()["events"][0]
    assert "≈" not in before
    assert '">≈ 15:59:00</time>' in after
    assert "≈ 2027-01-15 15:59:00 ± 0 s" in after
    assert (told["at_ms"], told["best_ms"], told["best_error_ms"]) == (long_ago_ms, town.now_ms - 60_000, 30)


@pytest.mark.parametrize("offset_ms", ["x", None, -1, 1 << 60, 1.5])
def test_what_cannot_be_the_time_corrects_nothing(town: Town, offset_ms: object) -> None:
    town.happens("door.held", clock=Trust.UNSET, at_ms=0)
    town.happens("device.clock_fixed", point="", boot="b7", offset_ms=offset_ms, error_ms=30)
    with town.visit("admin") as visitor:
        assert "≈" not in visitor.get("/events").text
        assert visitor.get("/api/v1/events").json()["events"][0]["kind"] == "device.clock_fixed"


def test_the_newer_word_about_a_boot_counts_and_other_boots_and_devices_are_left_alone(town: Town) -> None:
    town.happens("door.held", clock=Trust.UNSET, at_ms=0)
    town.happens("door.held", device="east-gate", clock=Trust.UNSET, at_ms=0)
    town.happens("door.held", clock=Trust.HOLDOVER, at_ms=7)
    for offset_ms in (5000, 9000):
        town.happens("device.clock_fixed", point="", boot="b7", offset_ms=offset_ms, error_ms=30)
    with town.visit("admin") as visitor:
        told = visitor.get("/api/v1/events?kind=door.held").json()["events"]
    assert [(one["device"], one["best_ms"]) for one in told] == [
        ("gym-turnstile", None),
        ("east-gate", None),
        ("gym-turnstile", 9001),
    ]


def publish_roster(town: Town, number: int) -> None:
    with town.store.writing() as connection:
        add_roster(connection, Roster(number, town.now_ms, b"s" * 16, [], 12), {b"s" * 16: b""}, revision(connection))


@pytest.mark.parametrize(
    "days",
    [{"last_day": "9999-12-31"}, {"first_day": "0001-01-01"}, {"first_day": "9999-12-31", "last_day": "9999-12-31"}],
)
def test_a_day_beyond_the_calendar_is_refused(town: Town, days: dict[str, str]) -> None:
    """The day after the last one there is overflowed, as an error of ours."""
    with town.visit("office") as visitor:
        for path, on in (("/people/1/memberships", "/people/1"), ("/people", "/people")):
            answer = visitor.submit(path, on, name_en="Lin", plan="yearly", **days)
            assert answer.status_code == 422
            assert "are dates" in answer.text


def test_roster_that_no_device_can_take_is_shown(town: Town) -> None:
    """On its own page and on the first one, which is live."""
    town.app.state.metrics.workings = lambda: Workings(undeliverable="a site page of 1830000 bytes")
    tiles = ("No roster can be sent the newest changes reach no door", "名单无法下发 最新的改动到不了任何门")
    texts = ("The newest changes reach no door", "最新的改动到不了任何门")
    for language, text, tile in zip(("en", "zh-CN"), texts, tiles, strict=True):
        with town.visit("gate", language=language) as visitor:
            page = visitor.get("/rosters").text
            assert text in page
            assert "a site page of 1830000 bytes" in page
            assert tile in words(visitor.get("/").text)
    with town.visit("gate") as visitor:
        assert tiles[0] in words(town.app.state.source.status("en")[0].data)
        town.app.state.metrics.workings = Workings
        assert tiles[0] not in words(visitor.get("/").text)


def test_every_page_about_people_says_on_how_many_points_the_newest_roster_is_applied(town: Town) -> None:
    publish_roster(town, 1)
    for name in town.senders:
        town.arrives(name, "state", town.senders[name].state(1, RosterState(version=1)))
    with town.visit("admin") as visitor:
        for path in ("/people", "/people/1", "/rosters"):
            assert "Roster 1: applied on 4 of 4 points</p>" in visitor.get(path).text
        publish_roster(town, 2)
        for name in ("east-gate", "west-gate", "hub-door"):
            town.arrives(name, "state", town.senders[name].state(1, RosterState(version=2)))
        town.now_ms += 4 * 60_000
        for path in ("/people", "/people/1", "/rosters"):
            told = words(visitor.get(path).text)
            assert "Roster 2: applied on 3 of 4 points, oldest 4 min. Without it: Gym turnstile 4 min" in told
        assert "3 /4 Points with the newest roster oldest 4 min" in words(visitor.get("/").text)
        found = visitor.get("/api/v1/rosters").json()
        assert [(one["number"], one["applied"], one["points"]) for one in found["rosters"]] == [(2, 3, 4), (1, 4, 4)]
        assert found["rosters"][0]["behind"][0]["name"] == "gym-turnstile"
        assert not found["unpublished"]


def test_a_change_that_no_roster_holds_yet_is_not_said_to_be_applied(town: Town) -> None:
    publish_roster(town, 1)
    with town.visit("admin") as visitor:
        assert "on its way" not in visitor.get("/people").text
        visitor.submit("/people/1/cards/1", "/people/1", standing="lost")
        assert "A change is on its way into the next roster." in visitor.get("/people/1?done=standing").text
    with town.visit("admin", language="zh-CN") as visitor:
        assert "有改动正在写入下一份名单。" in visitor.get("/people").text
        assert "名单 1：4 个点位中已有 0 个生效，最久已等 0 秒" in visitor.get("/people").text


def test_a_first_big_roster_shows_how_far_it_is_loaded(town: Town) -> None:
    town.beats("gym-turnstile")
    town.arrives("gym-turnstile", "state", town.senders["gym-turnstile"].state(2, RosterState(got=312, wanted=1042)))
    with town.visit("admin") as visitor:
        for path in ("/", "/devices/gym-turnstile"):
            told = visitor.get(path).text
            assert "loading 312 of 1042 pages" in told
            assert '<progress max="1042" value="312">' in told
        town.arrives("gym-turnstile", "state", town.senders["gym-turnstile"].state(2, RosterState(version=1)))
        assert "loading" not in visitor.get("/devices/gym-turnstile").text


def test_rows_that_are_lost_or_exist_twice_are_named_with_their_numbers(town: Town) -> None:
    gym = town.senders["gym-turnstile"]
    gym.record(4)
    old = gym.copy()
    gym.record(6)
    old.record(1, reason="allowed")
    town.arrives("gym-turnstile", "events", gym.sealed(1, 10, [*gym.rows[:2], gym.gap(3, 9), gym.rows[9]]))
    town.arrives("gym-turnstile", "events", old.sealed(1, 5, [old.rows[0], old.gap(2, 4), old.rows[4]]))
    with town.visit("gate") as visitor:
        page, first = words(visitor.get("/devices/gym-turnstile").text), words(visitor.get("/").text)
    with town.visit("gate", language="zh") as visitor:
        chinese = words(visitor.get("/devices/gym-turnstile").text)
    for text in (page, first):
        assert "Rows 3 to 9 are lost: its journal was full" in text
        assert "Events are lost rows 3 to 9" in text
    assert "7 events are lost for good." in page
    assert "第 3 至 9 条已丢失" in chinese
    town.now_ms += 8 * 86_400_000
    with town.visit("gate") as visitor:
        assert "its journal was full" not in words(visitor.get("/").text)
        assert "its journal was full" in words(visitor.get("/devices/gym-turnstile").text)


def test_a_copied_card_is_told_on_the_page_of_its_device(town: Town) -> None:
    gym = town.senders["gym-turnstile"]
    gym.record(4)
    old = gym.copy()
    gym.record(6)
    old.record(1, reason="allowed")
    town.arrives("gym-turnstile", "events", gym.events(1, 10))
    town.arrives("gym-turnstile", "events", old.events(1, 5))
    town.happens("device.forked", point="", journal=gym.journal, upto=4, carried=1)
    with town.visit("gate") as visitor:
        page = words(visitor.get("/devices/gym-turnstile").text)
    assert "Rows 5 to 10 exist twice: two disks lived under one name" in page
    assert "there was another past under its name 1 rows behind row 4" in page


def test_an_event_says_how_late_it_came(town: Town) -> None:
    town.happens("access.passed", replay=True, at_ms=town.now_ms - 3 * 3_600_000)
    town.happens("access.passed", at_ms=town.now_ms - 59_000)
    town.happens("access.passed", clock=Trust.UNSET, at_ms=0)
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
    assert "came 3 h late" in words(line(page, 1))
    assert "late" not in words(line(page, 2))
    assert "late" not in words(line(page, 3))


def test_an_event_nobody_has_heard_of_is_shown_as_it_came(town: Town) -> None:
    town.happens("doorbell.rang_twice", point="", reason="feeling_lucky", holder="00" * 8)
    with town.visit("gate") as visitor:
        text = words(line(visitor.get("/").text, 1))
    assert text == "16:00:00 Gym turnstile somebody no longer listed doorbell: rang twice feeling_lucky"


def test_no_event_breaks_a_page_or_puts_code_into_it(town: Town) -> None:
    for fault in ("<script>alert(1)</script>", ["a"], {"b": 1}, None, 7):
        for at_ms in (1 - 2**63, -1, 2**63 - 1):
            town.happens("<b>.x", point="<i>", at_ms=at_ms, fault=fault, direction=fault, reason="<u>")
    with town.visit("gate") as visitor:
        for path in ("/", "/events", "/devices/gym-turnstile"):
            answer = visitor.get(path)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert "<i>" not in answer.text
        assert visitor.get("/api/v1/events").status_code == 200


@pytest.mark.parametrize(
    ("faults", "badge", "said"),
    [
        ({"keeper": "lost"}, "Fault", "Nobody keeps its pins"),
        ({"a_fault_of_tomorrow": "seen"}, "Fault", "a fault of tomorrow"),
        ({"emergency.gym": "in force"}, "Emergency", "Emergency: doors released"),
    ],
)
def test_a_device_that_reports_a_fault_never_looks_well(
    town: Town, faults: dict[str, str], badge: str, said: str
) -> None:
    town.beats("gym-turnstile", faults=faults)
    with town.visit("gate") as visitor:
        on_overview = words(card(visitor.get("/").text, "gym-turnstile"))
        on_its_page = words(visitor.get("/devices/gym-turnstile").text)
    assert f"Gym turnstile {badge} Online" in on_overview
    assert said in on_overview
    assert f"Gym turnstile Online {badge}" in on_its_page
    assert said in on_its_page
    assert "No fault is reported" not in on_its_page


def test_a_silent_device_never_looks_alive(town: Town) -> None:
    town.beats("gym-turnstile", waiting=4)
    town.beats("east-gate", faults={"east-gate.contact_still": "seen"})
    with town.visit("gate") as visitor:
        alive = visitor.get("/").text
        town.now_ms += 200_000
        silent = visitor.get("/").text
        device = words(visitor.get("/devices/east-gate").text)
    assert 'class="device online"' in card(alive, "gym-turnstile")
    assert 'class="device online faulty"' in card(alive, "east-gate")
    assert "Reports a fault: Door contact never moves" in words(card(alive, "east-gate"))
    assert 'class="device offline"' in card(silent, "gym-turnstile")
    assert "Cable, power or agent: that cannot be told from here" in words(card(silent, "gym-turnstile"))
    assert "Reported a fault when last heard" in words(card(silent, "east-gate"))
    assert "Never heard" in words(card(silent, "hub-door"))
    assert "Last heard" not in words(card(silent, "hub-door"))
    assert "if not, no card opens anything there" in device
    assert (tile(alive, "Devices not heard"), tile(silent, "Devices not heard")) == (2, 4)
    assert tile(alive, "Events waiting to sync") == 4


def test_refusals_are_counted_from_midnight_at_the_site(town: Town) -> None:
    town.now_ms -= 16 * 3_600_000 + 1
    town.happens("access.refused", reason="expired")
    town.now_ms += 1
    town.happens("access.refused", reason="expired")
    with town.visit("gate") as visitor:
        assert tile(visitor.get("/").text, "Refused today") == 1
        town.happens("access.refused", reason="expired")
        town.happens("access.allowed", reason="allowed")
        town.happens("access.refused", reason="expired", at_ms=town.now_ms - DAY_MS, replay=True)
        assert tile(visitor.get("/").text, "Refused today") == 2
        town.now_ms += DAY_MS
        visitor.log_in("gate")
        assert tile(visitor.get("/").text, "Refused today") == 0


def test_what_the_cloud_could_not_take_is_counted_and_shown(town: Town) -> None:
    town.arrives("hub-door", "beat", b"<b>no json")
    town.senders["hub-door"].keep(b"\xc1 not an event")
    town.sends("hub-door", 1, 1)
    with town.visit("gate") as visitor:
        assert tile(visitor.get("/").text, "Quarantined") == 2
        page = visitor.get("/quarantine").text
    assert "hub-door" in page
    assert "An event nobody can read" in words(page)
    assert "<b>no json" not in page


def test_events_are_filtered_by_a_form(town: Town) -> None:
    for number in range(3):
        town.happens("access.refused", reason="expired" if number else "suspended")
    town.happens("door.held", device="hub-door")
    with town.visit("gate") as visitor:
        page = visitor.get("/events?kind=access&reason=expired&device=&point=").text
        assert re.findall(r'id="event-(\d+)"', page) == ["3", "2"]
        assert '<option value="expired" selected>' in page
        assert re.findall(r'id="event-(\d+)"', visitor.get("/events?point=hub-door").text) == ["4"]
        assert "Nothing here matches" in visitor.get("/events?device=none").text


def test_older_events_are_a_link_away(town: Town) -> None:
    for _ in range(51):
        town.happens("door.shut")
    with town.visit("gate") as visitor:
        page = visitor.get("/events?kind=door").text
        (older,) = re.findall(r'href="(/events\?[^"]*before=[^"]*)"', page)
        assert re.findall(r'id="event-(\d+)"', visitor.get(html.unescape(older)).text) == ["1"]


def test_a_person_is_added_given_a_plan_and_a_card_by_forms_alone(town: Town) -> None:
    with town.visit("office") as visitor:
        fields = {"name_zh": "郑十", "unit": "9-901", "plan": "yearly", "last_day": "2027-01-31"}
        added = visitor.submit("/people", "/people", **fields).headers["location"]
        assert "Now enrol a card" in visitor.get(added).text
        where = added.partition("?")[0]
        wanted = {"format": "H10301", "facility": "21", "number": "4242", "label": "blue fob"}
        page = visitor.get(visitor.submit(f"{where}/cards", where, **wanted).headers["location"]).text
        assert "blue fob In use" in words(page)
        assert "through 2027-01-31" in words(page)
        assert "4242" not in page
        (action,) = re.findall(rf'action="({where}/cards/\d+)"', page)
        page = visitor.get(visitor.submit(action, where, standing="lost").headers["location"]).text
        assert "blue fob Reported lost" in words(page)
    assert town.changes == 3
    with town.store.reading() as connection:
        whole = load_community(connection)
    assert whole.credentials[-1].standing is Standing.LOST
    assert whole.memberships[-1].until_ms == 1_801_411_200_000, "midnight in Shanghai after the last day"


MISTAKES: list[tuple[str, dict[str, str], str]] = [
    ("/people", {"name_zh": " "}, "A person needs a name"),
    ("/people", {"name_zh": "郑十", "plan": "founder"}, "This plan is shared by a household"),
    ("/people", {"name_zh": "郑十", "plan": "yearly", "last_day": "soon"}, "first and the last day are dates"),
    ("/people/1/cards", {"format": "H10301", "facility": "21", "number": "10002"}, "Somebody has this card"),
    ("/people/1/cards", {"format": "H10301", "number": "1"}, "There can be no such card"),
    ("/people/1/cards", {"format": "H10301", "facility": "21", "number": "a"}, "Something in the form"),
    ("/people/1/cards/1", {"standing": "eaten"}, "Something in the form is not right"),
    ("/people/1/cards/999", {"standing": "lost"}, "There is no such card"),
    (
        "/people/1/memberships",
        {"plan": "yearly", "first_day": "2027-02-02", "last_day": "2027-02-01"},
        "last day comes before",
    ),
]


def test_a_form_with_a_mistake_comes_back_with_it_and_changes_nothing(town: Town) -> None:
    with town.visit("office") as visitor:
        for path, fields, said in MISTAKES:
            answer = visitor.submit(path, "/people" if path == "/people" else "/people/1", **fields)
            assert answer.status_code == 422, fields
            assert said in answer.text, fields
    assert town.changes == 0


def test_what_was_typed_of_a_person_stays_in_the_form_that_comes_back(town: Town) -> None:
    typed = {"name_zh": "郑十", "unit": "9-901", "plan": "yearly", "first_day": "2027-02-02", "last_day": "2027-02-01"}
    with town.visit("office") as visitor:
        text = visitor.submit("/people", "/people", **typed).text
    for kept in ("郑十", "9-901", "2027-02-02", "2027-02-01", 'yearly" selected'):
        assert (kept if "selected" in kept else f'value="{kept}"') in text


def test_a_membership_that_is_over_does_not_look_alive_in_the_list(town: Town) -> None:
    with town.visit("gate") as visitor:
        row = next(line for line in visitor.get("/people?text=Wang").text.split("<tr>") if "Wang Wu" in line)
    assert "badge lost" in row
    assert "Ended" in row


def test_a_guard_sees_people_but_no_form_that_changes_them(town: Town) -> None:
    with town.visit("gate") as visitor:
        for path in ("/people", "/people/1"):
            assert 'method="post"' not in visitor.get(path).text


def test_the_audit_can_be_followed_from_its_first_row(town: Town) -> None:
    with town.visit("admin") as visitor:
        assert "Whole from the first row" in visitor.get("/audit?check=1").text
        with town.store.writing() as connection:
            connection.exec_driver_sql("UPDATE audit SET operator = 'nobody' WHERE id = 2")
        assert "Row 2 does not follow" in visitor.get("/audit?check=1").text


def test_an_address_that_leads_nowhere_says_so_in_the_visitors_language(town: Town) -> None:
    with town.visit("gate", language="zh-CN") as visitor:
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
        assert len(wanted) == 5
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
