"""What an operator types to ask why, and who."""

import json
from pathlib import Path

import pytest

from cloud.keys.folder import open_folder
from cloud.web.operators import list_audit
from tests.cloud.test_cli import Typing, folder, made, typed

__all__ = ["folder", "made", "typed"]


def test_why_is_said_in_both_languages(typed: Typing, folder: Path) -> None:
    asked = ("why", "--credential", "21:10007", "--point", "gym-turnstile", "--dir", folder)
    english, chinese = typed(*asked), typed(*asked, "--language", "zh")
    assert english.splitlines()[0] == "Refused at Gym turnstile: This membership has ended."
    assert "assumed: nobody recorded it" in english
    assert chinese.splitlines()[0] == "健身房闸机 拒绝：会员资格已到期。"
    told = json.loads(typed(*asked, "--json"))
    assert (told["allow"], told["stopped_at"]) == (False, "window")


def test_who_is_answered_and_recorded(typed: Typing, folder: Path) -> None:
    said = typed("who", "--point", "west-gate", "--at", "03:12", "--case", "2027-114", "--dir", folder)
    assert said.startswith("Unknown. Nothing on record opened it between ")
    told = json.loads(typed("who", "--point", "west-gate", "--at", "03:12", "--json", "--dir", folder))
    assert (told["known"], told["openings"]) == (False, [])
    with open_folder(folder) as (store, _), store.reading() as connection:
        asked = [one.detail["purpose"] for one in list_audit(connection) if one.action == "opening.asked"]
    assert asked == ["audit", "2027-114"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("why",), "say who and where"),
        (("why", "--credential", "21:10007"), "say who and where"),
        (("why", "--event", "5", "--point", "gym-turnstile"), "say who and where"),
        (("why", "--event", "gym-turnstile/abc/5"), "there is no such event"),
        (("why", "--credential", "4711", "--point", "gym-turnstile"), "No credential is known by 4711."),
        (("why", "--credential", "21:10007", "--point", "no-gate"), "There is no such point: no-gate; there is "),
        (("why", "--credential", "Gate crad", "--point", "gym-turnstile"), "printed on some is Gate card"),
        (("why", "--credential", "21:10007", "--point", "gym-turnstile", "--at", "noon"), "--at noon: write it as"),
        (("why", "--credential", "21:10007", "--point", "gym-turnstile", "--language", "fr"), "write zh or en"),
        (("who", "--point", "no-gate", "--at", "03:12"), "There is no such point: no-gate; there is "),
        (("who", "--point", "west-gate", "--at", "9998-01-01 00:00"), "--at"),
        (("who", "--point", "west-gate", "--at", "03:12", "--case", "no number!"), "Choose a purpose"),
    ],
)
def test_question_that_cannot_be_asked_is_one_line(
    typed: Typing, folder: Path, words: tuple[str, ...], complaint: str
) -> None:
    assert complaint in typed.refused(*words, "--dir", folder)
