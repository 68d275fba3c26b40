import pytest

from edge.agent.chooser import MEANT_FOR_MS, Chooser

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
    chooser = Chooser(POINTS)
    for now_ms, key in enumerate(keys):
        chooser.key(key, now_ms)
    assert chooser.take(len(keys)) == meant


def test_a_number_serves_one_card() -> None:
    chooser = Chooser(POINTS)
    chooser.key("1", 0)
    assert (chooser.take(1), chooser.take(2)) == ("phone-1", None)


def test_a_number_is_forgotten_after_a_while() -> None:
    chooser = Chooser(POINTS)
    chooser.key("1", 0)
    assert chooser.take(MEANT_FOR_MS) is None
    chooser.key("1", 0)
    chooser.key("2", MEANT_FOR_MS)
    assert chooser.take(MEANT_FOR_MS + 1) is None
