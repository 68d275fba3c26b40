import pytest

from edge.agent.readers import NUMBER_LASTS_MS, PointSelector

POINTS = {"1": "phone-1", "12": "ebike-4", "120": "bay"}


@pytest.mark.parametrize(
    ("keys", "meant"),
    [
        ("1", "phone-1"),
        ("12", "ebike-4"),
        ("1#", "phone-1"),
        ("1#2", None),
        ("9*1", "phone-1"),
        ("120", "bay"),
        ("1201", "phone-1"),
        ("#1", "phone-1"),
        ("12#1", "phone-1"),
        ("", None),
        ("7", None),
        ("*", None),
    ],
)
def test_a_number_means_a_point(keys: str, meant: str | None) -> None:
    selector = PointSelector(POINTS)
    for now_ms, key in enumerate(keys):
        selector.key(key, now_ms)
    assert selector.pop_selected(len(keys)) == meant


def test_a_number_serves_one_card() -> None:
    selector = PointSelector(POINTS)
    selector.key("1", 0)
    assert (selector.pop_selected(1), selector.pop_selected(2)) == ("phone-1", None)


def test_a_number_is_forgotten_after_a_while() -> None:
    selector = PointSelector(POINTS)
    selector.key("1", 0)
    assert selector.pop_selected(NUMBER_LASTS_MS) is None
    selector.key("1", 0)
    selector.key("2", NUMBER_LASTS_MS)
    assert selector.pop_selected(NUMBER_LASTS_MS + 1) is None
