"""What devices are told of their zone: when it changed, again before it is old, and each its own room."""

from cloud.counters.news import AGAIN_MS
from tests.cloud.support.counted import ANNA, BEN, EAST, GYM, WEST, CountedGym
from tests.cloud.support.town import Town


def test_news_is_told_when_a_count_changes(town: Town) -> None:
    gym = CountedGym(town)
    assert {name: news.inside for name, news in gym.news().items()} == {EAST: 0, WEST: 0}
    assert gym.news() == {}
    gym.passes(ANNA)
    gym.passes(BEN)
    told = gym.news()
    assert {name: news.inside for name, news in told.items()} == {EAST: 2, WEST: 2}
    town.now_ms += AGAIN_MS
    again = gym.news()
    assert again[EAST].number > told[EAST].number
    assert again[EAST].inside == 2


def test_news_is_told_again_to_another_broker(town: Town) -> None:
    gym = CountedGym(town)
    first = gym.news()
    gym.publisher.connected()
    assert gym.news()[EAST].number > first[EAST].number


def test_number_grows_though_the_clock_is_set_back(town: Town) -> None:
    gym = CountedGym(town)
    first = gym.news()[EAST]
    town.now_ms -= 60_000
    gym.passes(ANNA)
    assert gym.news()[EAST].number > first.number


def test_rooms_are_told_and_asked_back(town: Town) -> None:
    gym = CountedGym(town, limit=8)
    first = gym.news()
    assert {name: (news.room, news.asks) for name, news in first.items()} == {EAST: (4, False), WEST: (4, False)}
    for number in range(3):
        gym.passes(bytes([number]) * 8)
    told = gym.news()
    assert {name: (news.room, news.asks) for name, news in told.items()} == {EAST: (1, False), WEST: (2, True)}
    gym.agrees(WEST, told[WEST].division - 1)
    assert gym.news() == {}
    gym.agrees(WEST, told[WEST].division)
    assert {name: (news.room, news.asks) for name, news in gym.news().items()} == {EAST: (3, False), WEST: (2, False)}


def test_last_place_goes_where_it_is_wanted(town: Town) -> None:
    gym = CountedGym(town, limit=2)

    def told() -> dict[str, tuple[int | None, bool]]:
        return {name: (news.room, news.asks) for name, news in gym.news().items()}

    gym.passes(ANNA, at=WEST)
    assert told() == {EAST: (0, True), WEST: (0, False)}, "it is for where somebody has passed"
    gym.agrees(EAST, gym.rooms()[EAST].division)
    assert told() == {EAST: (0, False), WEST: (1, False)}
    gym.agrees(EAST, gym.rooms()[EAST].division, wants=True)
    assert told() == {EAST: (0, False), WEST: (0, True)}
    gym.agrees(WEST, gym.rooms()[WEST].division)
    assert told() == {EAST: (1, False), WEST: (0, False)}


def test_device_at_two_zones_is_told_of_both(town: Town) -> None:
    """The broker keeps the last piece of news for a device: when it connects anew, it is told of its other zone too."""
    gym = CountedGym(town)
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE zones SET kind = 'counted' WHERE name = 'estate'")
        connection.exec_driver_sql(f"UPDATE points SET device = '{EAST}', kind = 'door' WHERE name = 'east-gate'")
    gym.counters.look()
    gym.news()
    assert gym.news() == {}
    gym.connects(EAST, 7)
    gym.news()
    assert sorted((device, news.zone) for device, news in gym.told if device == EAST) == [(EAST, "estate"), (EAST, GYM)]
    assert gym.news() == {}
    gym.connects(WEST, 7)
    assert gym.news() == {}, "the broker has its only piece of news"


def test_zone_without_a_fire_limit_has_no_rooms(town: Town) -> None:
    gym = CountedGym(town, limit=None)
    assert {news.room for news in gym.news().values()} == {None}


def test_lost_device_gives_its_room_back(town: Town) -> None:
    gym = CountedGym(town, limit=8)
    gym.lose(WEST)
    gym.counters.look()
    assert {name: news.room for name, news in gym.news().items()} == {EAST: 8}


def test_device_that_reads_no_news_is_told_none(town: Town) -> None:
    gym = CountedGym(town)
    gym.reads(WEST, 4)
    gym.counters.look()
    assert set(gym.news()) == {EAST}
    gym.passes(ANNA, at=WEST)
    assert gym.news()[EAST].inside == 1


def test_changed_limit_is_divided_anew(town: Town) -> None:
    gym = CountedGym(town, limit=8)
    gym.news()
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE zones SET fire_limit = 20 WHERE name = ?", (GYM,))
    gym.counters.look()
    assert {name: news.room for name, news in gym.news().items()} == {EAST: 10, WEST: 10}
