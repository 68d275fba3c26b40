"""A kind of station that comes from a folder: shown in its own words, and generically where the cloud lacks them."""

import re
from pathlib import Path

import pytest

from contract.decide import Mode
from contract.kinds import add_folder
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town
from tests.scenarios.fountain import write_fountain

GYM = "gym-turnstile"


@pytest.fixture
def town(town: Town) -> Town:
    """The town, where the gym has a fountain in the place of its turnstile."""
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE points SET kind = 'fountain' WHERE name = ?", (GYM,))
    return town


def card(town: Town, language: str = "en") -> str:
    with town.visit("gate", language=language) as guard:
        return guard.get("/points").text.partition(f'id="point-{GYM}"')[2].partition("</section>")[0]


def test_kind_without_words_is_shown_generically(town: Town) -> None:
    """No mode and no order is offered for what this cloud does not know, and it says so."""
    shown = card(town)
    assert "<form" not in shown
    assert "Point of an unknown kind" in shown
    assert "This cloud does not know the kind fountain" in words(shown)
    assert "未知设备" in card(town, "zh")


@pytest.mark.parametrize("archetype", ["SessionKind", "BoxKind", "TillKind", "WatchKind", "FeederKind"])
def test_kind_of_a_folder_is_shown_in_its_words(town: Town, tmp_path: Path, archetype: str) -> None:
    """It is taken out of service, and nothing else: it is no door that could be opened, held or locked."""
    write_fountain(tmp_path)
    file = tmp_path / "kinds" / "fountain.py"
    file.write_text(file.read_text(encoding="utf-8").replace("SessionKind", archetype), encoding="utf-8")
    add_folder(tmp_path)
    shown = card(town)
    assert "Fountain" in words(shown)
    assert re.findall(r'<option value="([^"]+)"', shown) == [Mode.OUT_OF_SERVICE]
    assert "Open once" not in shown
    assert "饮水机" in card(town, "zh")


SAID = [("en", True, "Water ran"), ("zh", True, "出水"), ("en", False, "fountain: poured")]


@pytest.mark.parametrize(("language", "known", "said"), SAID)
def test_event_of_a_kind_is_said_in_its_words(
    town: Town, tmp_path: Path, language: str, known: bool, said: str
) -> None:
    if known:
        write_fountain(tmp_path)
        add_folder(tmp_path)
    town.happens("fountain.poured", times=1)
    with town.visit("gate", language=language) as guard:
        assert said in words(guard.get("/events").text)
