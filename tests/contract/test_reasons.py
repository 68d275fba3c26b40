import re

import pytest

from contract.reasons import TABLE, Reason, words

CHINESE = re.compile(r"[\u4e00-\u9fff]")
OPENING = {Reason.ALLOWED, Reason.FREE_EXIT, Reason.HELD_OPEN, Reason.OVERRIDE}
WHOM_TO_ASK = {"zh": ("物业", "值班人员"), "en": ("property office", "desk", "staff")}

every_reason = pytest.mark.parametrize("reason", Reason)


def test_the_table_has_each_reason_once_and_no_other() -> None:
    assert list(TABLE) == list(Reason)


@every_reason
def test_a_reason_has_words_in_both_languages(reason: Reason) -> None:
    chinese, english = words(reason, "zh-CN"), words(reason, "en")
    assert CHINESE.search(chinese.text)
    assert english.text
    assert not CHINESE.search(english.text + english.remedy)


@every_reason
def test_a_refusal_says_what_to_do_about_it_and_a_welcome_does_not(reason: Reason) -> None:
    remedies = [bool(words(reason, language).remedy) for language in ("zh", "en")]
    assert remedies == [not TABLE[reason].allows] * 2


@every_reason
def test_a_refusal_says_whom_to_ask(reason: Reason) -> None:
    for language, people in WHOM_TO_ASK.items():
        remedy = words(reason, language).remedy
        assert not remedy or any(one in remedy for one in people)


@every_reason
def test_only_these_reasons_open(reason: Reason) -> None:
    assert TABLE[reason].allows is (reason in OPENING)


@every_reason
def test_words_fit_on_a_small_screen(reason: Reason) -> None:
    """Two lines of a 20-character display for the text, two of a phone for the remedy."""
    for language in ("zh", "en"):
        assert len(words(reason, language).text) <= 40
        assert len(words(reason, language).remedy) <= 60


def test_no_two_reasons_read_the_same() -> None:
    for language in ("zh", "en"):
        assert len({words(reason, language).text for reason in Reason}) == len(Reason)


def test_an_unknown_language_reads_english() -> None:
    assert words(Reason.EXPIRED, "fr") == words(Reason.EXPIRED, "en") != words(Reason.EXPIRED, "zh")


def test_the_values_on_the_wire_never_change() -> None:
    """A journal that lies in an archive for years still says these; add to the end, rename none."""
    kept = [
        *("allowed", "free_exit", "unknown_credential", "suspended", "reported_lost", "not_yet_valid", "expired"),
        *("not_entitled", "outside_hours", "clock_unset", "roster_stale", "no_roster", "busy", "faulted"),
        *("cannot_record", "internal_error", "held_open", "locked_down", "out_of_service"),
        *("roster_damaged", "offline_too_long", "quota_spent", "usage_unknown", "reserved", "quota_elsewhere"),
        *("barred", "not_qualified", "surplus", "pin_needed", "pin_wrong", "pin_blocked", "assurance_too_low"),
        *("interlocked", "override", "all_in_use"),
    ]
    assert [reason.value for reason in Reason][: len(kept)] == kept


def test_chinese_is_set_with_chinese_marks() -> None:
    texts = [text for entry in TABLE.values() for text in (entry.zh.text, entry.zh.remedy)]
    assert [text for text in texts if re.search(r"[\u4e00-\u9fff][,;:?!.]", text)] == []
