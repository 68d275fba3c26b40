"""How far the newest roster has come, on every page about people and devices."""

from cloud.overview.metrics import Metrics, Workings
from cloud.people.rosters import Roster, Withheld, add_roster
from cloud.store.revision import revision
from cloud.web.live import PageSource
from contract.messages import RosterState
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town


def publish_roster(town: Town, number: int) -> None:
    with town.store.writing() as connection:
        roster = Roster(number, town.now_ms, {2: b"s" * 16}, b"", 12, revision(connection))
        add_roster(connection, roster, {b"s" * 16: b""})


def test_roster_that_no_device_can_take_is_shown(town: Town) -> None:
    """On its own page and on the first one, which is live."""
    town.app.state.services[Metrics].workings = lambda: Workings(undeliverable="a site page of 1830000 bytes")
    tiles = ("No roster can be sent the newest changes are not sent", "名单无法下发 最新的改动没有下发")
    texts = ("The newest changes reach no door", "最新的改动到不了任何门")
    for language, text, tile in zip(("en", "zh-CN"), texts, tiles, strict=True):
        with town.visit("office", language=language) as visitor:
            page = visitor.get("/rosters").text
            assert text in page
            assert "a site page of 1830000 bytes" in page
            assert tile in words(visitor.get("/").text)
    with town.visit("office") as visitor:
        source = town.app.state.services[PageSource]
        assert tiles[0] in words({one.key: one.data for one in source.status("overview  en guard ")}["tiles"])
        town.app.state.services[Metrics].workings = Workings
        assert tiles[0] not in words(visitor.get("/").text)


def test_devices_withheld_a_roster_are_named(town: Town) -> None:
    withheld = [Withheld(1, "a site page of 1830000 bytes", ["hub-door", "old-gate"])]
    town.app.state.services[Metrics].workings = lambda: Workings(withheld=withheld)
    texts = (
        "Not sent to hub-door, old-gate: their software reads version 1",
        "没有下发到 hub-door、old-gate：其软件只读第 1 版",
    )
    for language, text in zip(("en", "zh-CN"), texts, strict=True):
        with town.visit("office", language=language) as visitor:
            page = words(visitor.get("/rosters").text)
            assert text in page
            assert "a site page of 1830000 bytes" in page


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
        assert "being written" not in visitor.get("/people").text
        visitor.submit("/people/1/cards/1", "/people/1", standing="lost")
        assert "A change is being written into the next roster." in visitor.get("/people/1?done=standing").text
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
