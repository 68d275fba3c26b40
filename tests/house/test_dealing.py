"""The order of the tests: the longest first and side by side, each once."""

from typing import cast

import pytest

from tests.dealing import deal


class Test:
    """A test as far as dealing looks at it."""

    __test__ = False

    def __init__(self, file: str, name: str, lasts_s: float = 0.0) -> None:
        self.nodeid = f"{file}::{name}"
        self._lasts_s = lasts_s

    def get_closest_marker(self, _name: str) -> pytest.Mark | None:
        return pytest.mark.long(self._lasts_s).mark if self._lasts_s else None


LONG = [Test("town.py", "a", 4), Test("town.py", "b", 4), Test("story.py", "a", 80), Test("chaos.py", "a", 25)]
SHORT = [Test(f"{number // 10}.py", str(number)) for number in range(97)]


def dealt(tests: list[Test], workers: int) -> list[list[str]]:
    """Each worker's stretch, as `--dist worksteal` cuts the list."""
    names = [test.nodeid for test in deal(cast(list[pytest.Item], tests), workers)]
    stretches = []
    for left in range(workers, 0, -1):
        count = len(names) // left
        stretches.append(names[:count])
        del names[:count]
    return stretches


def test_each_worker_begins_with_a_long_test() -> None:
    stretches = dealt([*SHORT[:50], *LONG, *SHORT[50:]], 3)
    heads = [[name for name in stretch if name[0].isalpha()] for stretch in stretches]
    assert heads == [["story.py::a"], ["chaos.py::a"], ["town.py::a", "town.py::b"]]
    assert all(stretch[: len(head)] == head for stretch, head in zip(stretches, heads, strict=True))


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 200])
@pytest.mark.parametrize("tests", [[*LONG, *SHORT], LONG, SHORT, []], ids=["all", "long", "short", "none"])
def test_every_test_is_dealt_once_in_its_order(tests: list[Test], workers: int) -> None:
    names = [name for stretch in dealt(tests, workers) for name in stretch]
    assert sorted(names) == sorted(test.nodeid for test in tests)
    assert [name for name in names if name[0].isdigit()] == [test.nodeid for test in tests if test in SHORT]
