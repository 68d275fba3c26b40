"""Who waits to be adopted, for how long, and what a wrong code does. A model checks every sequence of these."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.fleet.adoption import MAX_WAITING, MAX_WRONG_CODES, WAITS_MS, Adoptions, Asking, NoSuchCode, NotNow, SameCode
from contract.adoption import code_of

NOW_MS = 1_800_000_000_000


def key(number: int) -> bytes:
    return bytes([4]) + number.to_bytes(64, "big")


NONCE = bytes(16)


def ask(adoptions: Adoptions, number: int, now_ms: int = NOW_MS, address: str = "", nonce: bytes = NONCE) -> Asking:
    return adoptions.ask(key(number), nonce, "", address or f"10.0.0.{number}", now_ms)


def test_a_device_that_asks_again_is_the_one_that_waits() -> None:
    adoptions = Adoptions()
    first = ask(adoptions, 1)
    assert ask(adoptions, 1, NOW_MS + 1) is first
    assert first.code == code_of(key(1), NONCE)
    assert adoptions.claim(first.code, NOW_MS) is first


def test_a_request_runs_out() -> None:
    adoptions = Adoptions()
    asking = ask(adoptions, 1)
    assert adoptions.find(asking.id, NOW_MS + WAITS_MS - 1) is asking
    assert adoptions.find(asking.id, NOW_MS + WAITS_MS) is None
    with pytest.raises(NoSuchCode):
        adoptions.claim(asking.code, NOW_MS + WAITS_MS)


def test_requests_of_one_address_are_bounded() -> None:
    adoptions = Adoptions()
    for number in range(10):
        ask(adoptions, number, address="2001:db8::9")
    with pytest.raises(NotNow, match="this address"):
        ask(adoptions, 10, address="2001:db8::a")


def test_a_real_device_finds_room_among_strangers() -> None:
    """Three addresses took all twenty places: the device whose code the operator held could not ask."""
    adoptions = Adoptions()
    real = ask(adoptions, 99, address="192.0.2.7")
    for number in range(MAX_WAITING + 5):
        ask(adoptions, number, address=f"203.0.113.{number % 3}")
    late = ask(adoptions, 98, address="192.0.2.8")
    assert len(adoptions.waiting(NOW_MS)) == MAX_WAITING
    assert adoptions.claim(real.code, NOW_MS) is real
    assert adoptions.claim(late.code, NOW_MS) is late


def test_an_answered_request_gives_way_to_nobody() -> None:
    adoptions = Adoptions()
    for number in range(MAX_WAITING):
        adoptions.answer(ask(adoptions, number), b"bundle")
    with pytest.raises(NotNow, match="too many devices"):
        ask(adoptions, 99)


def test_new_code_of_device_ends_its_old_one() -> None:
    adoptions = Adoptions()
    yesterday = ask(adoptions, 1)
    today = ask(adoptions, 1, nonce=bytes([1]) * 16)
    assert adoptions.waiting(NOW_MS) == [today]
    with pytest.raises(NoSuchCode):
        adoptions.claim(yesterday.code, NOW_MS)
    adoptions.answer(today, b"bundle")
    assert ask(adoptions, 1, nonce=bytes([2]) * 16) is today, "the answer waits for the key, whatever its code"


def test_wrong_codes_end_all_requests_that_wait() -> None:
    adoptions = Adoptions()
    asking = ask(adoptions, 1)
    for _ in range(MAX_WRONG_CODES):
        with pytest.raises(NoSuchCode):
            adoptions.claim("0000-0000-0000", NOW_MS)
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
    monkeypatch.setattr("cloud.fleet.adoption.code_of", lambda *_: "AAAA-AAAA-AAAA")
    adoptions = Adoptions()
    both = [ask(adoptions, number) for number in (1, 2)]
    with pytest.raises(SameCode):
        adoptions.claim("AAAA-AAAA-AAAA", NOW_MS)
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
                asking = adoptions.claim(code_of(key(number), NONCE), now_ms)
                assert asking.public_key == key(number)
                assert now_ms < asking.until_ms
                assert not asking.envelope
                adoptions.answer(asking, b"bundle")
                answered.add(asking.id.encode())
            elif deed == "wrong":
                adoptions.claim("0000-0000-0000", now_ms)
            else:
                for asking in adoptions.waiting(now_ms)[:1]:
                    adoptions.refuse(asking.id)
        except (NotNow, NoSuchCode):
            pass
        waiting = adoptions.waiting(now_ms)
        assert len(waiting) <= MAX_WAITING
        assert not any(one.id.encode() in answered or one.refused for one in waiting)
