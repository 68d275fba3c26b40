"""Every text of the console is there in Chinese, and every word a device may say has words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from cloud.web import audit_words, words
from cloud.web.i18n import CATALOGUES, CHINESE, ENGLISH, LAST_MS, Language, choose, languages
from contract.kinds import vocabulary
from contract.reasons import Reason
from contract.sessions import Stop
from tests.house import sources
from tests.house.reference.catalogue import catalogue, texts

PLACEHOLDER = re.compile(r"%\(\w+\)s")
DEED = re.compile(r'"((?:card|device|login|membership|mode|muster|operator|password|person)\.(?!html)[a-z]+)"')
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff”）] ?[,:;?!()]|[,;?!()] ?[\u4e00-\u9fff“]")
BETWEEN = re.compile(r"[\x01\x02]\s*[,:;()]|[,;(]\s*\x01")
"""A mark that stands in a template between values, of which the language says how it is written."""


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with (CATALOGUES / "zh_CN.po").open("rb") as source:
        return read_po(source, abort_invalid=True)


@pytest.fixture(scope="module")
def spoken() -> dict[str, Language]:
    from zoneinfo import ZoneInfo

    return languages(ZoneInfo("Asia/Shanghai"))


def test_no_text_is_missing_in_chinese_and_none_is_left_over(chinese: Catalog) -> None:
    translated = {message.id: message.string for message in chinese if message.id}
    wanted = set(texts())
    assert len(wanted) > 150
    assert {text for text in wanted if not translated.get(text)} == set()
    assert set(translated) - wanted == set()


def test_catalogue_is_what_its_command_writes(tmp_path: Path) -> None:
    """Where this fails, ``python3 dev.py reference`` writes the catalogue, and new texts in it await their Chinese."""
    assert (CATALOGUES / "zh_CN.po").read_text("utf-8") == catalogue()
    (tmp_path / "old.po").write_text('msgid "Log in"\nmsgstr "登录"\n\nmsgid "Of old"\nmsgstr "旧"\n', "utf-8")
    made = catalogue(tmp_path / "old.po")
    new, known = 'msgid "%(count)s d"\nmsgstr ""\n', 'msgid "Log in"\nmsgstr "登录"\n'
    assert 0 < made.index("# cloud/web/i18n.py\n") < made.index(new) < made.index(known)
    assert "Of old" not in made


def test_no_translation_is_in_doubt(chinese: Catalog) -> None:
    assert [message.id for message in chinese if message.id and message.fuzzy] == []


def test_translations_keep_what_is_filled_in(chinese: Catalog) -> None:
    for message in chinese:
        assert set(PLACEHOLDER.findall(str(message.id))) == set(PLACEHOLDER.findall(str(message.string)))


def test_chinese_is_set_with_chinese_marks(chinese: Catalog) -> None:
    assert [message.string for message in chinese if HALF_WIDTH.search(str(message.string))] == []


def test_chinese_of_programs_has_chinese_marks() -> None:
    """The texts of kinds, reasons and labels bring their Chinese themselves."""
    said = [
        node.value
        for file in sources.files("contract", suffix=".py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [text for text in said if HALF_WIDTH.search(text)] == []


def test_templates_leave_marks_to_the_catalogue() -> None:
    """A colon, a comma or a bracket between two values is another one in Chinese: it is a text like any other."""
    found = [
        (file.name, mark) for file in sources.files("cloud", suffix=".html") for mark in marks_between(file.read_text())
    ]
    assert found == []
    assert marks_between("{{ name }}: {{ value }}") and marks_between("<b>{{ name }}</b> ({{ value }})")


def marks_between(template: str) -> list[str]:
    text = re.sub(r"\{#.*?#\}", "", template, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "\x01", text, flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}", "\x02", text, flags=re.DOTALL)
    return BETWEEN.findall(re.sub(r"<[^>]*>", "", text))


def test_the_compiled_catalogue_speaks(spoken: dict[str, Language]) -> None:
    assert spoken[CHINESE].say("Log in") == "登录"
    assert spoken[ENGLISH].say("Log in") == "Log in"
    assert spoken[CHINESE].say("") == ""


def test_every_table_of_words_is_in_the_catalogue() -> None:
    tables = {name: table for name, table in vars(words).items() if name.isupper() and isinstance(table, dict)}
    said = {name: {text for text in table.values() if isinstance(text, str)} for name, table in tables.items()}
    assert {name for name, some in said.items() if not some <= set(words.texts())} == set()


def test_every_detail_of_the_audit_has_words() -> None:
    kept = {key for file in sources.files("cloud", suffix=".py") for key in details(file.read_text())}
    assert {"address", "certificate", "cards", "plan", "role"} <= kept
    assert kept - set(audit_words.DETAILS) == set()


def details(source: str) -> Iterator[str]:
    """The names of what a program has the audit keep beside who, what and whom."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="record") | ast.Attribute(attr="record"), keywords=keywords):
                yield from (keyword.arg for keyword in keywords if keyword.arg)


def test_every_deed_that_the_audit_records_has_words() -> None:
    files = sources.files("cloud", suffix=".py")
    recorded = {deed for file in files for deed in DEED.findall(file.read_text())}
    assert len(recorded) > 8
    assert recorded - set(audit_words.ACTIONS) - set(vocabulary().events) == set()


@pytest.mark.parametrize("reason", [*Reason, "a_reason_of_tomorrow"])
def test_every_reason_is_said_in_both_languages(spoken: dict[str, Language], reason: str) -> None:
    for language in spoken.values():
        assert language.reason(reason)
        assert isinstance(language.remedy(reason), str)


def test_every_stop_is_said_in_both_languages(spoken: dict[str, Language]) -> None:
    assert set(words.STOPS) <= set(Stop)
    for language in spoken.values():
        assert all(language.stop(stop) != stop for stop in Stop)


@pytest.mark.parametrize(
    ("query", "cookies", "accepted", "chosen"),
    [
        ({}, {}, "", ENGLISH),
        ({}, {}, "zh", CHINESE),
        ({}, {}, "zh-Hant-TW, en", CHINESE),
        ({}, {}, "de, en;q=0.7, zh;q=0.1", ENGLISH),
        ({}, {}, "zh-CN", CHINESE),
        ({}, {"hg_lang": "en"}, "zh-CN", ENGLISH),
        ({"lang": "zh-CN"}, {"hg_lang": "en"}, "en", CHINESE),
        ({"lang": "xx"}, {"hg_lang": "xx"}, "xx", ENGLISH),
        ({}, {}, ",;q=,-,*", ENGLISH),
    ],
)
def test_the_language_is_chosen(query: dict[str, str], cookies: dict[str, str], accepted: str, chosen: str) -> None:
    assert choose(query, cookies, accepted) == chosen


def test_times_are_those_of_the_sites_wall_clock(spoken: dict[str, Language]) -> None:
    english = spoken[ENGLISH]
    assert english.moment(1_800_000_000_000) == "2027-01-15 16:00:00"
    assert english.brief(1_800_000_000_000, 1_800_000_000_000 + 3_600_000) == "16:00:00"
    assert english.brief(1_800_000_000_000, 1_800_000_000_000 + 8 * 3_600_000) == "01-15 16:00"


@pytest.mark.parametrize("at_ms", [-(2**63), -1, 0, LAST_MS, 2**63])
def test_no_time_is_too_absurd_to_be_shown(spoken: dict[str, Language], at_ms: int) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", spoken[CHINESE].moment(at_ms))
