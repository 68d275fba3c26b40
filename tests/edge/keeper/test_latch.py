"""The latch keeps every emergency and its cause over every restart."""

from pathlib import Path

import pytest

from edge.keeper.latch import Latch


def test_a_latch_remembers_why(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "latch.json")
    latch.set("gym", "loop_broken")
    latch.set("hub", "smoke")
    latch.set("gym", "fire")
    latch.release("hub")
    latch.release("attic")
    assert Latch(tmp_path / "latch.json").causes == {"gym": "fire"}


def test_the_zones_that_an_older_keeper_wrote_down_are_on_fire(tmp_path: Path) -> None:
    (tmp_path / "latch.json").write_text('["estate", "gym"]')
    assert Latch(tmp_path / "latch.json").causes == {"estate": "fire", "gym": "fire"}


def test_what_a_newer_keeper_wrote_down_is_an_emergency_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "latch.json").write_text('{"estate": "flood", "gym": "estop"}')
    assert Latch(tmp_path / "latch.json").causes == {"estate": "fire", "gym": "estop"}


@pytest.mark.parametrize("text", ["", "[", "7", '{"a": 1', "[[]]", "null", '"estate"', '{"gym"}', "\x00"])
def test_what_cannot_be_read_names_no_zone(text: str, tmp_path: Path) -> None:
    (tmp_path / "latch.json").write_text(text)
    assert Latch(tmp_path / "latch.json").causes == {}


def test_only_what_is_still_wired_stays_latched(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "latch.json")
    latch.set("gym", "fire")
    latch.set("attic", "smoke")
    latch.forget_all_but(["gym", "hub"])
    assert Latch(tmp_path / "latch.json").causes == {"gym": "fire"}
