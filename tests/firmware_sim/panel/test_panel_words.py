"""Whatever the panel says, it says in both languages."""

import re
from string import Formatter
from typing import get_args

import pytest

from contract.kinds import vocabulary
from contract.reasons import Reason
from contract.sessions import Stop
from dev import ROOT
from firmware_sim.panel.words import THINGS, ZH, point_name, say, shown_words
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.socket import What

PANEL = ROOT / "firmware_sim" / "panel"
SOURCES = [*PANEL.glob("*.py"), *PANEL.glob("templates/*.html"), *PANEL.glob("assets/*.js")]
SENTENCES = "\n".join(file.read_text() for file in SOURCES if file.name != "words.py")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_sentence_of_the_panel_is_said_somewhere() -> None:
    unsaid = [text for text in ZH if f'"{text}"' not in SENTENCES and f"'{text}'" not in SENTENCES]
    assert unsaid == list(THINGS.values())


def test_everything_that_can_be_plugged_in_has_a_name() -> None:
    assert set(THINGS) == set(APPLIANCES) == set(get_args(What))


def test_every_sentence_that_is_said_has_its_chinese() -> None:
    literal = re.findall(r"""\bsay\(\s*(?:"([^"]+)"|'([^']+)')""", SENTENCES)
    assert {one or other for one, other in literal} <= set(ZH)


def test_both_languages_have_the_same_places_for_values() -> None:
    assert [text for text, chinese in ZH.items() if places(text) != places(chinese)] == []


def test_a_sentence_without_chinese_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("Nobody has translated this.", "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_and_every_word_of_a_station_can_be_shown(language: str) -> None:
    assert set(shown_words(language)) == {*Reason, *Stop, *vocabulary().texts}
    assert all(shown_words(language).values())


def test_sockets_are_called_as_people_call_them() -> None:
    assert [point_name("phone-1", language) for language in ("en", "zh")] == ["Phone socket 1", "手机插座 1"]
    assert point_name("bank-a", "en") == "Supply A"
    assert [point_name(name, "zh") for name in ("east-gate", "phone", "ev-")] == ["east-gate", "phone", "ev-"]
