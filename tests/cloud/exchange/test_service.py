"""A file of people is done whole, or names every line that is wrong and changes nothing."""

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from cloud.exchange.service import ImportReport, ImportService
from cloud.office.party_store import list_parties
from cloud.people.service import PeopleService
from cloud.people.store import find_person, list_people
from cloud.people.tables import credentials, memberships
from cloud.store.labels import Label
from cloud.store.schema import people
from cloud.web.i18n import languages
from cloud.web.operators import list_audit
from tests.cloud.support.sender import SITE
from tests.cloud.support.statements import counted_statements
from tests.cloud.support.town import Town

Counts = tuple[int, int, int]


@pytest.fixture
def imports(town: Town) -> ImportService:
    return ImportService(town.store, town.keys, town.clock)


def run(imports: ImportService, *lines: str, apply: bool = True, new: bool = True) -> ImportReport:
    content = "\n".join(lines).encode()
    return imports.run("office", content, apply=apply, new_flats=new, new_companies=new)


def counts(town: Town) -> Counts:
    with town.store.reading() as connection:
        people_there, plans, cards = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (people, memberships, credentials)
        )
        return people_there, plans, cards


def plus(before: Counts, *more: int) -> Counts:
    added = tuple(one + other for one, other in zip(before, more, strict=True))
    return added[0], added[1], added[2]


HEADING = "name_zh,name_en,flat,role,plan,last_day,tags,card_format,facility,number"


def test_rows_of_one_person_are_merged(town: Town, imports: ImportService) -> None:
    before = counts(town)
    report = run(
        imports,
        HEADING,
        "钱二,,9-1-101,owner,yearly,2028-01-31,,,,",
        "钱二,Qian Er,9-1-101,,,,volunteer,H10301,21,777",
        "钱三,,9-1-101,child,,,,,,",
    )
    assert report.problems == []
    assert [line.done for line in report.lines] == [
        ["flat", "person", "member", "plan"],
        ["name", "tag", "card"],
        ["person", "member"],
    ]
    assert counts(town) == plus(before, 2, 1, 1)
    with town.store.reading() as connection:
        (er, san) = list_people(connection, "9-1-101").people
        assert (er.name.zh, er.name.en, san.name.zh) == ("钱二", "Qian Er", "钱三")
        assert list_audit(connection)[0].action == "people.imported"


def test_same_file_again_changes_nothing(town: Town, imports: ImportService) -> None:
    lines = (HEADING, "钱二,Qian Er,9-1-101,owner,yearly,2028-01-31,volunteer,H10301,21,777", "孙五,,,,rider,,,,,")
    run(imports, *lines)
    before, changes = counts(town), town.changes
    report = run(imports, *lines)
    assert [line.done for line in report.lines] == [[], []]
    assert (counts(town), town.changes, report.applied) == (before, changes, True)


def test_trial_changes_nothing(town: Town, imports: ImportService) -> None:
    before, changes = counts(town), town.changes
    report = run(imports, HEADING, "钱二,,9-1-101,owner,yearly,,,H10301,21,777", apply=False)
    assert not report.applied
    assert [line.done for line in report.lines] == [["flat", "person", "member", "plan", "card"]]
    assert (counts(town), town.changes) == (before, changes)


def test_bad_lines_are_named_and_change_nothing(town: Town, imports: ImportService) -> None:
    before = counts(town)
    report = run(
        imports,
        HEADING,
        "钱二,,9-1-101,owner,gold,,,,,",
        "钱三,,9-1-101,owner,,,,H10301,21,10001",
        "钱四,,9-1-101,owner,,,,H10301,21,99999999",
        "钱五,,9-1-102,child,founder,,,,,",
        "钱六,,9-1-103,owner,,2027-02-29,,,,",
        "钱七,,9-1-104,owner,,,,,,",
    )
    assert not report.applied
    assert [(one.line, one.column) for one in report.problems] == [
        (2, "plan"),
        (3, "number"),
        (4, "number"),
        (5, ""),
        (6, "last_day"),
    ]
    assert "there is no plan gold; there are: founder" in str(report.problems[0].why)
    assert counts(town) == before


def test_payer_may_stand_below_the_family(town: Town, imports: ImportService) -> None:
    """And the fifth of four places is refused with the names."""
    family = [f"钱{name},,9-1-101,adult,founder,,,,," for name in "二三四"]
    report = run(imports, HEADING, *family, "钱一,,9-1-101,payer,founder,,,,,")
    assert report.problems == []
    fifth = run(imports, HEADING, "钱五,,9-1-101,adult,founder,,,,,")
    assert [(one.line, one.column) for one in fifth.problems] == [(2, "plan")]
    assert "钱一" in languages(ZoneInfo("UTC"))["zh-CN"].sentence(fifth.problems[0].why.sentence)


def test_companies_are_made_once_with_their_staff(town: Town, imports: ImportService) -> None:
    report = run(imports, "姓名,公司,身份", "钱二,新宇科技,admin", "钱三,新宇科技,", "钱二,新宇科技,")
    assert [line.done for line in report.lines] == [["company", "person", "member"], ["person", "member"], []]
    with town.store.reading() as connection:
        listed = list_parties(connection, SITE, kind="company", text="新宇").parties
    assert [one.members for one in listed] == [2]


def test_new_flats_are_made_where_it_is_said(town: Town, imports: ImportService) -> None:
    """A name that was typed wrongly would make a flat, or a company."""
    before = counts(town)
    lines = ("姓名,房号,公司", "钱二,2-5O2,", "钱三,2-502,", "钱四,2-5O2,", "钱五,,新宇科枝")
    report = run(imports, *lines, new=False)
    assert (report.applied, report.problems, counts(town)) == (False, [], before)
    assert (report.new_flats, report.new_companies) == ({"2-5O2": 2}, {"新宇科枝": 5})
    content = "\n".join(lines).encode()
    assert not imports.run("office", content, apply=True, new_flats=True).applied
    assert imports.run("office", content, apply=True, new_flats=True, new_companies=True).applied
    assert imports.run("office", content, apply=True).applied, "all of them are there now"


def test_two_of_one_name_are_told_by_number(town: Town, imports: ImportService) -> None:
    """The line is named with both numbers, and a column with the number says who is meant."""
    people = PeopleService(town.store, town.clock)
    twin = people.add_person("office", Label("李四", "Li Si"), "2-502")
    refused = run(imports, "name_zh,flat,born", "李四,2-502,1957-03")
    assert [(one.line, one.column) for one in refused.problems] == [(2, "name_zh")]
    assert f"no. 5, {twin}: write the number" in str(refused.problems[0].why)
    report = run(imports, "编号,姓名,英文名,出生年月", f"{twin},,,1957-03", "5,李四四,Li Si,", "5,,,1958-01")
    assert [line.done for line in report.lines] == [["born"], ["name"], ["born"]]
    wrong = run(imports, "person,born", "999,1957-03", "x,1957-03", f"{twin}9999999999999999999,1957-03")
    assert [(one.line, one.column) for one in wrong.problems] == [(2, "person"), (3, "person"), (4, "person")]


def test_name_in_the_other_language_is_taken(town: Town, imports: ImportService) -> None:
    with town.store.reading() as connection:
        assert find_person(connection, 5)
    run(imports, "name_zh,name_en,flat", "李四,Li Sisi,2-502")
    with town.store.reading() as connection:
        person = find_person(connection, 5)
    assert person and person.name.en == "Li Sisi"


@pytest.mark.parametrize("apply", [True, False])
def test_half_a_file_is_never_done(town: Town, imports: ImportService, apply: bool) -> None:
    before = counts(town)
    many = [f"钱{number},,9-{number}-101,owner,yearly,,,," for number in range(30)]
    report = run(imports, HEADING, *(line + "," for line in many), "x,,9-9-9,owner,gold,,,,,", apply=apply)
    assert [one.line for one in report.problems] == [32]
    assert counts(town) == before


def test_family_of_a_refused_row_is_no_problem(town: Town, imports: ImportService) -> None:
    """What a refused row has made is undone, and made anew by the next."""
    lines = (
        "姓名,房号,公司,身份,标签",
        f"{'钱' * 61},9-1-101,新宇科技,owner,",
        "钱三,9-1-101,新宇科技,adult,",
        "钱四,9-1-101,新宇科技,,",
    )
    report = run(imports, *lines)
    assert [one.line for one in report.problems] == [2]


def test_step_of_a_row_is_undone_alone(town: Town, imports: ImportService) -> None:
    """What is wrong with a later step is found though an earlier one was refused."""
    report = run(imports, HEADING, "钱二,,9-1-101,owner,gold,,,H10301,21,99999999")
    assert [(one.line, one.column) for one in report.problems] == [(2, "plan"), (2, "number")]


def test_number_of_somebody_else_is_refused(town: Town, imports: ImportService) -> None:
    """A digit that was typed wrongly would rename, or give a card to, a stranger."""
    wrong = run(imports, "person,name_en", "5,Wang Wu")
    assert [(one.line, one.column) for one in wrong.problems] == [(2, "person")]
    assert "number 5 is Li Si" in str(wrong.problems[0].why)


def test_wrong_rows_ask_no_more_than_good_ones(town: Town, imports: ImportService) -> None:
    """What each row is refused for is seen before anything is written, and nothing is looked up again after it."""

    def asked(plan: str, many: int) -> int:
        lines = [f"钱{one},,9-{one}-101,owner,{plan},,,H10301,21,{one}" for one in range(many)]
        with counted_statements() as seen:
            report = run(imports, HEADING, *lines, apply=False)
        assert len(report.problems) == (many if plan == "gold" else 0)
        return len(seen)

    wrong, more_wrong, good = asked("gold", 20), asked("gold", 40), asked("yearly", 40)
    assert more_wrong <= 2 * wrong
    assert more_wrong <= 1.5 * good


def test_unknown_column_names_all_in_both_languages(imports: ImportService) -> None:
    (wrong,) = run(imports, "姓名,颜色", "钱二,红").problems
    assert "name_zh (姓名)" in str(wrong.why)
    assert "card_name (卡名)" in str(wrong.why)
