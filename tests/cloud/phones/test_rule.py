"""Links that register telephones, and whose cards somebody may report lost."""

from cloud.parties.party import MemberRole, PartyMember
from cloud.phones.rule import LinkState, link_state, may_report_lost, needs_consent


def test_link_is_open_until_its_end() -> None:
    assert link_state(100, None, None, 99) is LinkState.OPEN
    assert link_state(100, None, None, 100) is LinkState.EXPIRED
    assert link_state(100, 50, None, 99) is LinkState.USED
    assert link_state(100, None, 50, 99) is LinkState.ENDED


def test_consent_is_needed_below_fourteen() -> None:
    assert needs_consent("2013-02", (2027, 1))
    assert needs_consent("2013-01", (2027, 1)), "the day of birth is not known"
    assert not needs_consent("2012-12", (2027, 1))
    assert not needs_consent("", (2027, 1))


def test_adult_ends_no_card_of_another() -> None:
    me, other, child = (
        PartyMember(number, 1, number, role)
        for number, role in enumerate((MemberRole.OWNER, MemberRole.ADULT, MemberRole.CHILD), 1)
    )
    assert [may_report_lost(me, one) for one in (me, other, child, None)] == [True, False, True, True]
    assert [may_report_lost(child, one) for one in (me, other, child, None)] == [False, False, True, False]
