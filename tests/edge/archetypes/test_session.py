"""A session's energy, limits, price and what is kept of it."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.decide import Tier
from edge.archetypes.protocol import Persist
from edge.archetypes.session import (
    CEILINGS,
    REGISTER_STEP_MWH,
    USUAL,
    ClassName,
    LimitChoices,
    Line,
    Price,
    Session,
    Tariff,
    draw,
    ended,
    idle_fen,
    limits_of,
    missed,
    receipt,
    spent,
    started,
)
from edge.archetypes.station import Unreadable, read_document
from edge.stations.socket import SocketInput
from edge.stations.socket.state import SocketSettings, SocketState, StoredSocket

FREE = Tariff()
HOUR_MS = 3_600_000
ANY_CLASS: list[ClassName] = ["ebike", "phone"]


def session(**more: object) -> Session:
    begun = Session(
        id="00000000000000a1",
        holder="aa" * 16,
        digest="dd" * 16,
        tier=Tier.RIDER,
        by="card",
        class_name="ebike",
        limit_ms=8 * HOUR_MS,
        limit_wh=2_000,
        started_minute=600,
        loaded=True,
    )
    return replace(begun, **more)


def drawing(registers: list[float], *, seconds: int = 10, most_w: float = 1_000, tariff: Tariff = FREE) -> Session:
    """A session whose meter was read every so many seconds."""
    one = session()
    for register in registers:
        one = draw(one, register, 200, seconds * 1_000, most_w, tariff)
    return one


def test_the_first_reading_of_the_register_counts_nothing() -> None:
    assert drawing([5_000]).used_mwh == 0


def test_energy_is_what_the_register_has_moved() -> None:
    assert drawing([5_000, 5_001, 5_001, 5_002.5]).used_mwh == 2_500


@pytest.mark.parametrize("registers", [[5_000, 4_990, 4_990], [5_000, 0]])
def test_a_register_that_runs_backwards_or_is_reset_counts_nothing(registers: list[float]) -> None:
    assert drawing(registers).used_mwh == 0


def test_what_is_drawn_after_a_reset_counts() -> None:
    assert drawing([5_000, 0, 2]).used_mwh == 2_000


def test_a_register_that_jumps_counts_nothing_of_it() -> None:
    jumped = drawing([5_000, 5_002, 9_000])
    assert jumped.used_mwh == 2_000
    assert draw(jumped, 9_001, 200, 10_000, 1_000, FREE).used_mwh == 3_000


def test_one_wrong_reading_of_the_register_counts_nothing_twice() -> None:
    assert drawing([5_000, 5_002, 5_004, 0, 5_004, 5_006]).used_mwh == 6_000


@pytest.mark.parametrize(("moved_wh", "mwh"), [(4.05, 4_050), (4.06, 0)])
def test_a_register_may_move_as_far_as_the_power_allows_and_its_own_step(moved_wh: float, mwh: int) -> None:
    assert drawing([5_000, 5_000 + moved_wh]).used_mwh == mwh


def test_whole_watt_hours_at_full_power_are_all_counted() -> None:
    """A register of whole watt-hours stands still for seconds and then moves by one."""
    registers = [float(int(5_000 + 1_000 * second / 3600)) for second in range(3601)]
    assert drawing(registers, seconds=1).used_mwh == 1_000_000


@given(st.lists(st.floats(0, 1e6), max_size=20), st.integers(0, 60))
def test_energy_never_runs_backwards_and_never_beats_its_power(registers: list[float], seconds: int) -> None:
    one, before = session(), 0
    for number, register in enumerate(registers):
        one = draw(one, register, 200, seconds * 1_000, 1_000, FREE)
        assert one.used_mwh >= before
        before = one.used_mwh
        assert one.used_mwh <= (number + 1) * (1_000 * seconds * 1_000 / 3600 + REGISTER_STEP_MWH)


def test_nothing_is_counted_as_time_before_a_load_is_seen() -> None:
    one = draw(session(loaded=False), 5_000, 0, 10_000, 1_000, FREE)
    assert (one.used_ms, one.span_ms) == (0, 10_000)


def test_a_gap_counts_as_no_time_but_the_clock_goes_on() -> None:
    one = missed(session(), 60_000)
    assert (one.used_ms, one.span_ms) == (0, 60_000)


# Limits


@pytest.mark.parametrize("name", ANY_CLASS)
@pytest.mark.parametrize("limit", LimitChoices.__struct_fields__)
def test_every_limit_may_be_chosen_up_to_its_ceiling_and_not_beyond(name: ClassName, limit: str) -> None:
    ceiling = getattr(CEILINGS[name], limit)
    if limit != "pulled_w":
        assert getattr(limits_of(name, replace(LimitChoices(), **{limit: ceiling})), limit) == ceiling
    for value in (ceiling + 1, 0, -1, math.nan):
        with pytest.raises(ValueError, match=f"{limit} of a socket for {name} lies above 0 and is at most"):
            limits_of(name, replace(LimitChoices(), **{limit: value}))


@pytest.mark.parametrize("name", ANY_CLASS)
def test_what_is_usual_keeps_to_the_ceilings(name: ClassName) -> None:
    for limit in LimitChoices.__struct_fields__:
        assert 0 < getattr(USUAL[name], limit) <= getattr(CEILINGS[name], limit)
    assert limits_of(name, LimitChoices()) == USUAL[name]


def test_pulled_means_less_than_full_and_than_a_load() -> None:
    with pytest.raises(ValueError, match="pulled_w is less than start_w and full_w"):
        limits_of("ebike", LimitChoices(pulled_w=9, start_w=8))


# Price

NIGHT = Price(from_minute=1320, until_minute=480, fen_per_kwh=50)
DAY = Price(fen_per_kwh=100)


def cost(tariff: Tariff, one: Session, power_w: float = 200) -> int:
    """What one kilowatt-hour in one hour costs."""
    one = draw(replace(one, register_wh=0.0), 1_000, power_w, HOUR_MS, 1_000, tariff)
    assert isinstance(receipt(one, tariff)["fen"], int)
    return int(receipt(one, tariff)["fen"])


def test_without_a_price_nothing_is_asked() -> None:
    assert cost(FREE, session()) == 0


def test_time_and_energy_have_prices_of_their_own() -> None:
    assert cost(Tariff(prices=(Price(fen_per_hour=30, fen_per_kwh=100),)), session()) == 130


def test_a_price_may_be_for_some_tiers() -> None:
    tariff = Tariff(prices=(Price(tiers=(Tier.RIDER,), fen_per_kwh=60), DAY))
    assert cost(tariff, session()) == 60
    assert cost(tariff, session(tier=Tier.RESIDENT)) == 100


@pytest.mark.parametrize(("minute", "fen"), [(1319, 100), (1320, 50), (0, 50), (479, 50), (480, 100)])
def test_a_price_may_be_for_some_hours_over_midnight_too(minute: int, fen: int) -> None:
    assert cost(Tariff(prices=(NIGHT, DAY)), session(started_minute=minute)) == fen


def test_hours_follow_the_clock_and_not_the_time_that_power_flowed() -> None:
    evening = missed(session(started_minute=1_300), 20 * 60_000)
    assert cost(Tariff(prices=(NIGHT, DAY)), evening) == 50


def test_while_nobody_knows_the_time_only_prices_for_the_whole_day_fit() -> None:
    unknown = session(started_minute=None)
    assert cost(Tariff(prices=(NIGHT, DAY)), unknown) == 100
    assert cost(Tariff(prices=(NIGHT,)), unknown) == 0


@pytest.mark.parametrize(("power_w", "fen"), [(300, 80), (301, 100)])
def test_a_price_may_be_for_a_band_of_power(power_w: float, fen: int) -> None:
    assert cost(Tariff(prices=(Price(up_to_w=300, fen_per_kwh=80), DAY)), session(), power_w) == fen


def test_the_first_minutes_may_be_free() -> None:
    tariff = Tariff(free_minutes=10, prices=(DAY,))
    assert cost(tariff, session(used_ms=10 * 60_000 - 1)) == 0
    assert cost(tariff, session(used_ms=10 * 60_000)) == 100


def test_a_receipt_shows_each_price_with_what_was_used_at_it() -> None:
    tariff = Tariff(prices=(Price(up_to_w=300, fen_per_kwh=80), DAY))
    one = session(register_wh=0.0)
    for register, power_w in ((100, 200), (300, 400), (400, 200)):
        one = draw(one, register, power_w, HOUR_MS, 1_000, tariff)
    told = receipt(one, tariff)
    assert told["lines"] == [
        {"fen_per_hour": 0, "fen_per_kwh": 80, "ms": 2 * HOUR_MS, "mwh": 200_000, "fen": 16},
        {"fen_per_hour": 0, "fen_per_kwh": 100, "ms": HOUR_MS, "mwh": 200_000, "fen": 20},
    ]
    assert (told["fen"], told["tier"]) == (36, "rider")


def test_a_begun_fen_is_not_asked_for() -> None:
    assert Line(0, 100, mwh=19_999).fen == 1


def test_idling_costs_by_the_minute_up_to_its_cap() -> None:
    tariff = Tariff(idle_fen_per_minute=5, idle_cap_fen=12)
    assert [idle_fen(session(idle_minutes=minutes), tariff) for minutes in (0, 2, 3)] == [0, 10, 12]
    assert receipt(session(idle_minutes=2), tariff)["fen"] == 10


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Price(from_minute=1440),
        lambda: Price(until_minute=0),
        lambda: Price(from_minute=5, until_minute=5),
        lambda: Price(fen_per_kwh=-1),
        lambda: Tariff(free_minutes=-1),
        lambda: Tariff(idle_fen_per_minute=5),
        lambda: Tariff(prices=(DAY,) * 25),
    ],
)
def test_a_tariff_that_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wrong()  # type: ignore[operator]


# Events, and what is kept


def test_an_end_stands_without_its_beginning() -> None:
    over = session(ended="full", used_ms=5, used_mwh=1_500)
    assert set(started(over).data) - {"limits"} < set(ended(over, FREE).data)
    assert ended(over, FREE).data["energy_wh"] == 1.5


def test_only_a_rationed_holder_spends() -> None:
    assert spent(session()) == []
    assert len(spent(session(allotment="phones"))) == 1


sessions = st.builds(
    Session,
    id=st.text(),
    holder=st.text(),
    digest=st.text(),
    tier=st.sampled_from(Tier),
    by=st.sampled_from(["card", "operator", "post"]),
    class_name=st.text(),
    limit_ms=st.integers(0, 2**40),
    limit_wh=st.integers(0, 2**40),
    register_wh=st.none() | st.floats(0, 1e9),
    lines=st.lists(st.builds(Line, st.integers(0, 10), st.integers(0, 10)), max_size=3).map(tuple),
)


@given(st.builds(StoredSocket, st.none() | sessions, st.lists(st.text(), max_size=3).map(tuple)))
def test_document_is_read_as_written(kept: StoredSocket) -> None:
    assert read_document(msgspec.json.encode(kept), StoredSocket) == kept


@given(st.binary(min_size=1))
def test_rubbish_is_read_or_refused_in_words(document: bytes) -> None:
    try:
        read_document(document, StoredSocket)
    except Unreadable as wrong:
        assert "what was kept cannot be read" in str(wrong)


def test_nothing_is_kept_as_nothing() -> None:
    assert SocketInput(SocketState("hall", SocketSettings()), now_ms=0).persist() == Persist(b"")
    assert read_document(b"", StoredSocket) is None
