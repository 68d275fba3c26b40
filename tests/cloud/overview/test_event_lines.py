"""An event on a page: when, where, who and what, and how it is found again."""

import html
import re

import pytest

from contract.decide import DAY_MS, Trust
from tests.cloud.support.pages import line, tile, words
from tests.cloud.support.town import Town


def test_an_event_says_when_where_who_and_what(town: Town) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    town.happens("access.refused", device="east-gate", reason="expired", holder=town.holder("Wang Wu"), digest="ab12")
    town.happens("access.refused", device="hub-door", reason="unknown_credential", digest="abcdef")
    town.happens("access.refused", device="hub-door", reason="unknown_credential", digest="abcdef", credential="code")
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
    assert words(line(page, 1)) == "16:00:00 Gym turnstile Li Si 2-502 Allowed"
    assert words(line(page, 2)) == "16:00:00 East gate Wang Wu 3-303 Refused This membership has ended Why?"
    assert words(line(page, 3)) == "16:00:00 Hub door unknown card Refused Not known here Why?"
    assert words(line(page, 4)) == "16:00:00 Hub door Refused with a code Not known here Why?"
    assert 'title="2027-01-15 16:00:00"' in line(page, 1)
    assert "abcdef" not in page


def test_the_same_event_in_chinese(town: Town) -> None:
    town.happens("access.refused", device="east-gate", reason="expired", holder=town.holder("Wang Wu"), digest="ab12")
    with town.visit("gate", language="zh-CN,zh;q=0.9,en;q=0.5") as visitor:
        page = visitor.get("/").text
    assert '<html lang="zh-CN">' in page
    assert words(line(page, 1)) == "16:00:00 东门 王五 3-303 拒绝 会员资格已到期 为什么？"


def test_a_change_of_mode_says_which(town: Town) -> None:
    town.happens("door.mode", device="east-gate", mode="lockdown", number=1)
    town.happens("door.mode", device="east-gate", mode="lock_down_twice", number=2)
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
        chinese = visitor.get("/?lang=zh-CN").text
    assert words(line(page, 1)) == "16:00:00 East gate Door set to another mode locked down (out only)"
    assert words(line(page, 2)) == "16:00:00 East gate Door set to another mode lock down twice"
    assert words(line(chinese, 1)) == "16:00:00 东门 门的模式已变更 紧急封闭（只出不进）"


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


def test_an_event_says_how_late_it_came(town: Town) -> None:
    town.happens("access.passed", replay=True, at_ms=town.now_ms - 3 * 3_600_000)
    town.happens("access.passed", at_ms=town.now_ms - 59_000)
    town.happens("access.passed", clock=Trust.UNSET, at_ms=0)
    with town.visit("gate") as visitor:
        page = visitor.get("/").text
    assert "3 h late" in words(line(page, 1))
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
