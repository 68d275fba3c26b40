"""For how long somebody belongs to a party, and when a home ends."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from cloud.parties.party import MemberRole, PartyMember, by_day, common, home_span
from contract.decide import DAY_MS

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON_MS = 1_700_020_800_000
moments = st.integers(1, 4_000_000_000_000)
zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)


def member(role: MemberRole, until_ms: int = 0, ended_ms: int | None = None) -> PartyMember:
    return PartyMember(1, 1, 1, role, 0, until_ms, ended_ms)


@given(at_ms=moments, zone=zones)
def test_home_never_ends_at_night(at_ms: int, zone: ZoneInfo) -> None:
    """It ends at the first moment of the day that is not, at most ten hours later by the clock."""
    ends = by_day(at_ms, zone)
    assert 8 <= datetime.fromtimestamp(ends // 1000, zone).hour < 22
    assert 0 <= ends - at_ms <= 36 * 3_600_000
    assert by_day(ends, zone) == ends


def test_lease_that_runs_out_ends_no_home() -> None:
    lease = member(MemberRole.TENANT, NOON_MS)
    assert home_span(lease, SHANGHAI) == (0, 0)
    assert lease.span == (0, NOON_MS)
    ended = member(MemberRole.TENANT, NOON_MS, NOON_MS + 7 * DAY_MS)
    assert home_span(ended, SHANGHAI) == (0, NOON_MS + 7 * DAY_MS)
    given_back = member(MemberRole.TENANT, NOON_MS, NOON_MS - DAY_MS)
    assert home_span(given_back, SHANGHAI) == (0, NOON_MS - DAY_MS)


def test_agreed_end_of_others_ends_their_home() -> None:
    night = NOON_MS + 11 * 3_600_000
    assert home_span(member(MemberRole.HELPER, night), SHANGHAI) == (0, NOON_MS + 20 * 3_600_000)


spans = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda one: not one[1] or one[0] < one[1])


@given(one=spans, other=spans)
def test_common_span_is_what_both_have(one: tuple[int, int], other: tuple[int, int]) -> None:
    def holds(span: tuple[int, int] | None, at: int) -> bool:
        return span is not None and span[0] <= at and (not span[1] or at < span[1])

    shared = common(one, other)
    assert [holds(shared, at) for at in range(9)] == [holds(one, at) and holds(other, at) for at in range(9)]
