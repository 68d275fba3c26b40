"""What the cells of an import mean: columns in both languages, dates and card numbers as Excel leaves them. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from msgspec import Struct

from cloud.cards.rule import Card
from cloud.exchange.sheet import MAX_CELL, Row, Sheet
from cloud.parties.party import MemberRole
from cloud.people.traits import Tag, is_month
from cloud.web.i18n import N_
from cloud.web.names import UnclearName, clean
from cloud.web.rejected import Rejected, Value
from contract.credentials import FORMATS

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "person": ("编号", "人员编号", "person_id"),
    "name_zh": ("姓名", "中文名", "name"),
    "name_en": ("英文名", "外文名"),
    "flat": ("房号", "房屋", "住址", "unit"),
    "role": ("身份", "角色", "家庭角色"),
    "company": ("企业", "公司", "单位"),
    "born": ("出生年月",),
    "tags": ("标签",),
    "plan": ("方案", "套餐", "会员"),
    "payer": ("缴费",),
    "first_day": ("开始日期", "起始日期", "生效日期", "from"),
    "last_day": ("结束日期", "截止日期", "到期日期", "until"),
    "card_format": ("卡格式", "卡类型", "format"),
    "facility": ("设施码", "区号"),
    "number": ("卡号", "card_number"),
    "card_name": ("卡名", "卡片名称", "label"),
}
"""The columns of an import: how exports call each, and what else it may be called."""
ROLES: Mapping[str, MemberRole] = {
    "业主": MemberRole.OWNER,
    "缴费人": MemberRole.PAYER,
    "成人": MemberRole.ADULT,
    "家人": MemberRole.ADULT,
    "儿童": MemberRole.CHILD,
    "孩子": MemberRole.CHILD,
    "租户": MemberRole.TENANT,
    "租客": MemberRole.TENANT,
    "代收人": MemberRole.COLLECTOR,
    "管理员": MemberRole.ADMIN,
    "帮手": MemberRole.HELPER,
    "保姆": MemberRole.HELPER,
} | {role.value: role for role in MemberRole}
TAGS: Mapping[str, Tag] = {
    "60岁以上": Tag.OVER_60,
    "70岁以上": Tag.OVER_70,
    "残疾": Tag.DISABLED,
    "低收入": Tag.LOW_INCOME,
    "低保": Tag.LOW_INCOME,
    "行动慢": Tag.SLOW,
    "志愿者": Tag.VOLUNTEER,
    "骑手": Tag.RIDER,
} | {tag.value: tag for tag in Tag}
YES, NO = frozenset({"1", "yes", "y", "true", "是", "x"}), frozenset({"", "0", "no", "n", "false", "否"})

FIRST_SERIAL = date(1899, 12, 30)
"""Excel counts days from here."""
SERIALS = range(20_000, 80_000)
"""Days from 1954 to 2119, as Excel counts them."""
EXCEL_DIGITS = 15
"""Excel holds no more digits of a number."""

UNKNOWN_COLUMN = N_("there is no such column; there are: %(columns)s")
DOUBLE_COLUMN = N_("this column is there twice")
NO_NAME_COLUMN = N_("a column name_zh (姓名), name_en or person (编号) is needed")
BAD_PERSON = N_("the number of a person is written in digits")
LONG_CELL = N_("at most %(most)s characters")
EXTRA_CELLS = N_("a cell stands under no heading: put quotes around a text with commas, or name the column")
NO_NAME = N_("a name is needed, in Chinese or in English")
BAD_ROLE = N_("no such role; there are: %(words)s")
BAD_TAG = N_("no such tag: %(tag)s; there are: %(words)s")
BAD_MONTH = N_("a month of birth is written as 1957-03")
BAD_DAY = N_("no such day: write 2027-01-31")
UNCLEAR_DAY = N_("day and month cannot be told apart: write 2027-01-31")
BAD_PAYER = N_("write yes or no")
NO_FORMAT = N_("name the format of the card; there are: %(words)s")
NO_NUMBER = N_("the number of the card is missing")
BAD_NUMBER = N_("a number of a card is written in digits")
EXCEL_FORM = N_("Excel has rounded this number: make the column Text in Excel, and enter the number again")
EXCEL_ROUNDED = N_("Excel has made the digits behind the 15th zeros: make the column Text, and enter the number again")
LOST_ZEROS = N_(
    "%(digits)s hexadecimal digits are needed: Excel drops zeros in front; make the column Text, and enter it again"
)
HIDDEN = N_("this text holds a character that cannot be seen")
NO_PLAN = N_("the window has no plan")
NO_PLAN_PAID = N_("somebody pays, and the plan is missing")
NO_PLACE = N_("somebody is this in a flat or in a company: name it")


class BadCell(Rejected):
    """A cell that cannot be right."""

    def __init__(self, text: str, **values: Value) -> None:
        super().__init__(text, "", 422, **values)


class TableProblem(NamedTuple):
    """What is wrong in a file, and where: its line, and the column as the file calls it."""

    line: int
    column: str
    why: Rejected


PersonKey = tuple[str, str, str]
"""What rows of one person agree in: flat or company, its name, and a name of the person."""


class PersonRow(Struct, frozen=True):
    """What a row gives: a person, and a membership or a card of theirs where it has one. ``person`` is the number of
    somebody who is there already."""

    line: int
    name_zh: str
    name_en: str
    person: int | None = None
    flat: str = ""
    role: MemberRole | None = None
    company: str = ""
    born: str = ""
    tags: tuple[Tag, ...] = ()
    plan: str = ""
    payer: bool = False
    first_day: date | None = None
    last_day: date | None = None
    card: Card | None = None
    card_name: str = ""

    @property
    def keys(self) -> list[PersonKey]:
        """By which of these a person is known: the flat and a name, else the company and a name, else a name alone."""
        where = ("flat", self.flat) if self.flat else ("company", self.company) if self.company else ("", "")
        return [(*where, name) for name in (self.name_zh, self.name_en) if name]


class Parsed(NamedTuple):
    """The rows of a file, everything that is wrong in it, and how it calls each column."""

    rows: list[PersonRow]
    problems: list[TableProblem]
    columns: Mapping[str, str]


def read_rows(sheet: Sheet) -> Parsed:
    """What a table says, row by row."""
    columns, wrong = _columns_of(sheet.heading)
    if wrong:
        return Parsed([], wrong, columns)
    hexadecimal = _hexadecimal(sheet, columns)
    read, problems = list[PersonRow](), list[TableProblem]()
    for row in sheet.rows:
        if not any(row.cells.values()) and not row.extra:
            continue
        found, bad = _read_row(row, columns, hexadecimal)
        problems += bad
        if found is not None:
            read.append(found)
    return Parsed(read, problems, columns)


def read_day(text: str) -> date | None:
    """A day as people and Excel write it; None for an empty cell. Raises ``BadCell``."""
    if not text:
        return None
    if text.isascii() and text.isdigit() and int(text) in SERIALS:
        return FIRST_SERIAL + timedelta(days=int(text))
    written = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0?0:00(?::00)?)?", text)
    if written is None:
        unclear = re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}", text)
        raise BadCell(UNCLEAR_DAY if unclear else BAD_DAY)
    try:
        return date(*map(int, written.groups()))
    except ValueError:
        raise BadCell(BAD_DAY) from None


def window_days(from_ms: int, until_ms: int, zone: tzinfo) -> tuple[date | None, date | None]:
    """The first and the last day of a half-open window; None for a bound of 0."""
    bounds = (from_ms, until_ms and until_ms - 1)
    first, last = (datetime.fromtimestamp(at_ms / 1000, zone).date() if at_ms else None for at_ms in bounds)
    return first, last


def read_number(text: str, format_name: str, *, hexadecimal: bool = False) -> int:
    """The number of a card; of a UID it may be hexadecimal. Raises ``BadCell`` for one that Excel has changed."""
    text = text.lstrip("'").strip()
    if hexadecimal:
        text = re.sub(r"[ :-]", "", text)
    if re.fullmatch(r"\d+([.,]\d+)?[eE][+-]?\d+", text) and not (hexadecimal and "+" not in text and "." not in text):
        raise BadCell(EXCEL_FORM)
    if hexadecimal and re.fullmatch(r"[0-9A-Fa-f]+", text):
        needed = FORMATS[format_name].bits // 4
        if len(text) != needed:
            raise BadCell(LOST_ZEROS, digits=needed)
        return int(text, 16)
    if not (text.isascii() and text.isdigit()):
        raise BadCell(BAD_NUMBER)
    if len(text) > EXCEL_DIGITS and not text[EXCEL_DIGITS:].strip("0"):
        raise BadCell(EXCEL_ROUNDED)
    return int(text)


def is_hexadecimal(text: str, format_name: str) -> bool:
    """Whether it is the number of a UID in hexadecimal digits, by its letters."""
    plain = re.sub(r"[ :-]", "", text.lstrip("'"))
    return (
        format_name.startswith("UID")
        and re.fullmatch(r"[0-9A-Fa-f]+", plain) is not None
        and not plain.isdigit()
        and re.fullmatch(r"\d+[eE]\d{1,2}", plain) is None
    )


def _columns_of(heading: Sequence[str]) -> tuple[dict[str, str], list[TableProblem]]:
    """How the file calls each column, and what is wrong with its heading."""
    names = {other.casefold(): name for name, others in COLUMNS.items() for other in (name, *others)}
    found, wrong = dict[str, str](), list[TableProblem]()
    for written in filter(None, heading):
        name = names.get(written.casefold().replace(" ", "_"))
        if name is None:
            wrong.append(TableProblem(1, written, BadCell(UNKNOWN_COLUMN, columns=_both_languages())))
        elif name in found:
            wrong.append(TableProblem(1, written, BadCell(DOUBLE_COLUMN)))
        else:
            found[name] = written
    if not wrong and not found.keys() & {"name_zh", "name_en", "person"}:
        wrong.append(TableProblem(1, "", BadCell(NO_NAME_COLUMN)))
    return found, wrong


def _both_languages() -> list[str]:
    """Each column as exports call it, and its first name in Chinese."""
    return [f"{name} ({others[0]})" for name, others in COLUMNS.items()]


def _hexadecimal(sheet: Sheet, columns: Mapping[str, str]) -> frozenset[str]:
    """The formats whose numbers are hexadecimal in this file. A number without letters is one of them too, where others
    of the same format have some."""
    format_at, number_at = columns.get("card_format", ""), columns.get("number", "")
    pairs = ((row.cells.get(format_at, "").upper(), row.cells.get(number_at, "")) for row in sheet.rows)
    return frozenset(name for name, number in pairs if is_hexadecimal(number, name))


def _read_row(
    row: Row, columns: Mapping[str, str], hexadecimal: frozenset[str]
) -> tuple[PersonRow | None, list[TableProblem]]:
    problems = list[TableProblem]()

    def complain(column: str, why: Rejected) -> None:
        problems.append(TableProblem(row.line, columns.get(column, column), why))

    def read(column: str, how: Callable[[str], Any]) -> Any:
        try:
            return how(row.cells.get(columns.get(column, ""), ""))
        except BadCell as wrong:
            complain(column, wrong)
            return None

    if row.extra:
        complain("", BadCell(EXTRA_CELLS))
    long = [name for name in columns if len(row.cells.get(columns[name], "")) > MAX_CELL]
    for name in long:
        complain(name, BadCell(LONG_CELL, most=MAX_CELL))
    if long:
        return None, problems
    texts = {name: read(name, _read_text) for name in ("name_zh", "name_en", "flat", "company", "plan", "card_name")}
    is_numbered = bool(row.cells.get(columns.get("person", ""), ""))
    if not (texts["name_zh"] or texts["name_en"] or is_numbered):
        complain("name_zh" if "name_zh" in columns else "name_en", BadCell(NO_NAME))
    values = {
        "person": read("person", _read_person),
        "role": read("role", _read_role),
        "born": read("born", _read_month),
        "tags": read("tags", _read_tags),
        "payer": read("payer", _read_yes),
        "first_day": read("first_day", read_day),
        "last_day": read("last_day", read_day),
    }
    format_name = read("card_format", str).upper()
    card = read("number", lambda text: _read_card(row, columns, text, format_name, hexadecimal))
    is_payer = bool(values.pop("payer"))
    if not texts["plan"] and (values["first_day"] or values["last_day"]):
        complain("plan", BadCell(NO_PLAN))
    elif not texts["plan"] and is_payer:
        complain("plan", BadCell(NO_PLAN_PAID))
    is_paying = values["role"] is MemberRole.PAYER
    if values["role"] and not (texts["flat"] or texts["company"] or (is_paying and texts["plan"])):
        complain("role", BadCell(NO_PLACE))
    if problems:
        return None, problems
    return PersonRow(row.line, **texts, **values, payer=is_payer or is_paying, card=card), []


def _read_card(
    row: Row, columns: Mapping[str, str], text: str, format_name: str, hexadecimal: frozenset[str]
) -> Card | None:
    facility = row.cells.get(columns.get("facility", ""), "")
    if not text:
        if facility or format_name or row.cells.get(columns.get("card_name", "")):
            raise BadCell(NO_NUMBER)
        return None
    known = next((name for name in FORMATS if name.upper() == format_name), None)
    if known is None:
        raise BadCell(NO_FORMAT, words=", ".join(FORMATS))
    if facility and not (facility.isascii() and facility.isdigit()):
        raise BadCell(BAD_NUMBER)
    number = read_number(text, known, hexadecimal=format_name in hexadecimal)
    return Card(known, int(facility) if facility else None, number)


def _read_text(text: str) -> str:
    try:
        return clean(text)
    except UnclearName:
        raise BadCell(HIDDEN) from None


def _read_person(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadCell(BAD_PERSON)
    return int(text)


def _read_role(text: str) -> MemberRole | None:
    if not text:
        return None
    role = ROLES.get(text.casefold())
    if role is None:
        raise BadCell(BAD_ROLE, words=_words(ROLES))
    return role


def _read_tags(text: str) -> tuple[Tag, ...]:
    found = list[Tag]()
    for word in filter(None, re.split(r"[\s;；、,，|]+", text)):
        tag = TAGS.get(word.casefold())
        if tag is None:
            raise BadCell(BAD_TAG, tag=word, words=_words(TAGS))
        found.append(tag)
    return tuple(dict.fromkeys(found))


def _read_month(text: str) -> str:
    written = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})月?", text)
    month = f"{written[1]}-{int(written[2]):02}" if written else text
    if month and not is_month(month):
        raise BadCell(BAD_MONTH)
    return month


def _read_yes(text: str) -> bool:
    if text.casefold() not in YES | NO:
        raise BadCell(BAD_PAYER)
    return text.casefold() in YES


def _words(table: Iterable[str]) -> str:
    return ", ".join(table)
