"""A code of adoption lasts for a day, or until the device is adopted."""

from pathlib import Path

import pytest

from contract.adoption import CODE_LASTS_MS
from edge.adoption.code import FILE, current_nonce, forget_nonce

NOW_MS = 1_800_000_000_000


def test_a_nonce_stays_for_a_day(tmp_path: Path) -> None:
    first = current_nonce(tmp_path, NOW_MS)
    assert current_nonce(tmp_path, NOW_MS + CODE_LASTS_MS - 1) == first
    assert current_nonce(tmp_path, NOW_MS + CODE_LASTS_MS) != first
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_nonce_of_the_future_is_made_anew(tmp_path: Path) -> None:
    """A clock that was far ahead would keep the code for as long."""
    first = current_nonce(tmp_path, NOW_MS)
    assert current_nonce(tmp_path, NOW_MS - 1) != first


def test_a_forgotten_nonce_does_not_come_back(tmp_path: Path) -> None:
    first = current_nonce(tmp_path, NOW_MS)
    forget_nonce(tmp_path)
    forget_nonce(tmp_path)
    assert current_nonce(tmp_path, NOW_MS) != first


def test_a_rotten_nonce_is_made_anew(tmp_path: Path) -> None:
    first = current_nonce(tmp_path, NOW_MS)
    rotten = first.hex().translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace(first.hex(), rotten))
    assert current_nonce(tmp_path, NOW_MS).hex() not in (first.hex(), rotten)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"nonce": "zz", "made_ms": 1}', '{"nonce": "00", "made_ms": 1}', "\xff"]
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert current_nonce(tmp_path, 2) == current_nonce(tmp_path, 2)
