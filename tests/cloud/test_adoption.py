"""Who waits to be adopted, for how long, and what a wrong code does. A model checks every sequence of these."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.adoption import MAX_WAITING, MAX_WRONG_CODES, WAITS_MS, Adoptions, Asking, NoSuchCode, NotNow, SameCode
from contract.adoption import code_of

NOW_MS = 1_800_000_000_000


def key(number: int) -> bytes:
    return bytes([4]) + number.to_bytes(64, "big")


def ask(adoptions: Adoptions, number: int, now_ms: int = NOW_MS, address: str = "") -> Asking:
    return adoptions.ask(key(number), "", address or f"10.0.0.{number}", now_ms)


def test_a_device_that_asks_again_is_the_one_that_waits() -> None:
    adoptions = Adoptions()
    first = ask(adoptions, 1)
    assert ask(adoptions, 1, NOW_MS + 1) is first
    assert first.code == code_of(key(1))
    assert adoptions.claim(first.code, NOW_MS) is first


def test_a_request_runs_out() -> None:
    adoptions = Adoptions()
    asking = ask(adoptions, 1)
    assert adoptions.find(asking.id, NOW_MS + WAITS_MS - 1) is asking
    assert adoptions.find(asking.id, NOW_MS + WAITS_MS) is None
    with pytest.raises(NoSuchCode):
        adoptions.claim(asking.code, NOW_MS + WAITS_MS)


def test_no_more_than_so_many_wait_nor_come_from_one_address() -> None:
    adoptions = Adoptions()
    for number in range(MAX_WAITING):
        ask(adoptions, number)
    with pytest.raises(NotNow, match="too many devices"):
        ask(adoptions, 99)
    assert ask(adoptions, 99, NOW_MS + WAITS_MS).asked_ms == NOW_MS + WAITS_MS
    flooded = Adoptions()
    for number in range(10):
        ask(flooded, number, address="10.9.9.9")
    with pytest.raises(NotNow, match="this address"):
        ask(flooded, 10, address="10.9.9.9")


def test_wrong_codes_end_all_requests_that_wait() -> None:
    adoptions = Adoptions()
    asking = ask(adoptions, 1)
    for _ in range(MAX_WRONG_CODES):
        with pytest.raises(NoSuchCode):
            adoptions.claim("0000-0000", NOW_MS)
    assert asking.refused
    with pytest.raises(NoSuchCode):
        adoptions.claim(asking.code, NOW_MS)


def test_a_code_is_good_once() -> None:
    adoptions = Adoptions()
    asking = ask(adoptions, 1)
    adoptions.answer(adoptions.claim(asking.code, NOW_MS), b"bundle")
    with pytest.raises(NoSuchCode):
        adoptions.claim(asking.code, NOW_MS)
    assert adoptions.waiting(NOW_MS) == []
    adoptions.refuse(asking.id)
    assert not asking.refused


def test_two_keys_under_one_code_are_both_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.adoption.code_of", lambda _: "AAAA-AAAA")
    adoptions = Adoptions()
    both = [ask(adoptions, number) for number in (1, 2)]
    with pytest.raises(SameCode):
        adoptions.claim("AAAA-AAAA", NOW_MS)
    assert all(one.refused for one in both)


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "claim", "wrong", "refuse"]), st.integers(0, 30), st.integers(0, WAITS_MS // 2)),
    max_size=60,
)


@settings(max_examples=100)
@given(STEPS)
def test_whatever_happens_few_wait_and_only_the_holder_of_a_code_is_answered(
    steps: list[tuple[str, int, int]],
) -> None:
    adoptions, now_ms = Adoptions(), NOW_MS
    answered: set[bytes] = set()
    for deed, number, passes_ms in steps:
        now_ms += passes_ms
        try:
            if deed == "ask":
                ask(adoptions, number, now_ms)
            elif deed == "claim":
                asking = adoptions.claim(code_of(key(number)), now_ms)
                assert asking.public_key == key(number)
                assert now_ms < asking.until_ms
                assert not asking.envelope
                adoptions.answer(asking, b"bundle")
                answered.add(asking.id.encode())
            elif deed == "wrong":
                adoptions.claim("0000-0000", now_ms)
            else:
                for asking in adoptions.waiting(now_ms)[:1]:
                    adoptions.refuse(asking.id)
        except (NotNow, NoSuchCode):
            pass
        waiting = adoptions.waiting(now_ms)
        assert len(waiting) <= MAX_WAITING
        assert not any(one.id.encode() in answered or one.refused for one in waiting)
