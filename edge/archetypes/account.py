"""How much energy one transaction of a post took: the one account of what registers say of it. Pure.

A post tells its register at both ends and often in between: with the number of the transaction or without, since its
beginning or over a lifetime, late, twice, and in any order. Each such scale is a ``Register`` of its own here, with the
``offset_wh`` that makes energy of the transaction of it. What a register says counts in full as far as it is possible
in the time that has passed; a guess counts once a second reading bears it out. The account never counts down while the
transaction runs. Where both ends are sound, the difference between them is the last word.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Guess = Literal["", "session", "reset", "rate", "other"]
"""What a register was taken for when it was first heard: ``""`` goes on from the beginning, ``session`` counts from the
beginning of the transaction, ``reset`` from 0 after another, ``rate`` rises faster than is possible, ``other`` has
another scale."""
Doubt = Literal["reset", "rate", "other", "ends", "less"]
"""Why an account may differ from the post's register. ``ends``: what was told of both ends cannot be; ``less``: they
say less than was counted."""

MARGIN = 1.1
"""Mains may be 10 % above nominal (EN 50160), and a rating is no meter."""
TIMED_SLACK_MS, UNTIMED_SLACK_MS = 5_000, 60_000
"""How much longer the time between two readings may be than they say, and than their arrival says."""
JITTER_WH = 10.0
STEP_WH = 1.0
SAME_REGISTER = 4
"""A rise of more times than is possible is another scale; up to that the rating is too small, or the post wrong."""
MAX_DELAY_MS = 72 * 3_600_000
"""What is told later than this comes from a clock that was set."""
MAX_REGISTERS = 6


class RegisterReading(Struct, frozen=True):
    """What a register said, when by the post's clock, and whether with the number of the transaction."""

    wh: float
    at_ms: int | None = None
    numbered: bool = True


class Register(Struct, frozen=True):
    """``at_ms`` and ``span_ms`` are when it last rose: by the post's clock, and since the beginning by ours. ``sure``:
    it counts. ``first_ms`` is when it was first read, by the post's clock."""

    wh: float
    offset_wh: float
    at_ms: int | None
    span_ms: int
    guess: Guess = ""
    sure: bool = True
    first_ms: int | None = None

    @property
    def energy_wh(self) -> float:
        return self.wh + self.offset_wh


class Account(Struct, frozen=True):
    """``begin`` is what was told of the beginning, ``span_ms`` the time since then. ``numbered``: a reading with the
    number of the transaction was heard. ``unexplained`` counts those in a row that no sure register explains."""

    begin: RegisterReading | None = None
    span_ms: int = 0
    energy_wh: float = 0
    registers: tuple[Register, ...] = ()
    numbered: bool = False
    unexplained: int = 0
    doubts: tuple[Doubt, ...] = ()


def opened(begin: RegisterReading | None, span_ms: int = 0) -> Account:
    """The account of a transaction that began ``span_ms`` ago."""
    if begin is None:
        return Account(span_ms=span_ms)
    return Account(begin, span_ms, registers=(Register(begin.wh, -begin.wh, begin.at_ms, 0),))


def passed(account: Account, elapsed_ms: int) -> Account:
    """Time has gone by."""
    return replace(account, span_ms=account.span_ms + max(0, elapsed_ms))


def begun_at(account: Account, wh: float, most_w: float) -> Account:
    """What the register stood at when it began is told afterwards. What was known before stands."""
    if account.begin is not None:
        return account
    begin = RegisterReading(wh)
    if not account.registers:
        return replace(opened(begin, account.span_ms), doubts=account.doubts)
    first_wh = -account.registers[0].offset_wh
    shift_wh = first_wh - wh
    if not 0 <= shift_wh <= _possible_wh(most_w, account.span_ms + UNTIMED_SLACK_MS):
        return account
    shifted = tuple(replace(one, offset_wh=one.offset_wh + shift_wh) for one in account.registers)
    return _summed(replace(account, begin=begin, registers=shifted))


def read(account: Account, reading: RegisterReading, most_w: float) -> Account:
    """The account with one more reading, in whatever order they come."""
    if _is_past(account, reading):
        return account
    register = _continued(account, reading, most_w)
    account = replace(account, numbered=account.numbered or reading.numbered)
    if register is None:
        register = _first(account, reading, most_w)
        return _summed(_explained(account, register, reading, register))
    now = _risen(account, register, reading)
    account = _explained(account, register, reading, now)
    return _summed(_carried(account, reading, now.wh - register.wh) if register.sure else account)


def goes_on(account: Account, reading: RegisterReading, most_w: float) -> bool:
    """Whether a reading is of a register that this account knows."""
    return _is_past(account, reading) or _continued(account, reading, most_w) is not None


def closed(account: Account, end: RegisterReading | None, most_w: float) -> Account:
    """The account of a transaction that is over, with what was told of its end."""
    if end is None:
        return account
    if account.begin is not None and _are_sound(account, account.begin, end, most_w):
        energy_wh = max(0.0, end.wh - account.begin.wh)
        is_less = account.energy_wh > energy_wh * 1.01 + JITTER_WH
        account = replace(account, energy_wh=energy_wh)
        return _doubted(account, "less") if is_less else account
    account = read(account, end, most_w)
    account = replace(account, registers=tuple(replace(one, sure=True) for one in account.registers))
    return _summed(account) if account.begin is None else _doubted(_summed(account), "ends")


def _are_sound(account: Account, begin: RegisterReading, end: RegisterReading, most_w: float) -> bool:
    """Whether the two ends can both be: of one scale, with no more between them than was possible, and not contradicted
    by what was read in between."""
    drawn_wh = end.wh - begin.wh
    elapsed_ms = max(between_ms(begin.at_ms, end.at_ms) or 0, account.span_ms) + UNTIMED_SLACK_MS
    if not -JITTER_WH <= drawn_wh <= _possible_wh(most_w, elapsed_ms) + _step_wh(begin.wh, end.wh):
        return False
    if any(one.guess == "reset" and one.sure for one in account.registers):
        return False
    stands_above = any(one.guess == "" and one.wh > end.wh + JITTER_WH for one in account.registers)
    return not stands_above or _continued(account, end, most_w) is not None


def _is_past(account: Account, reading: RegisterReading) -> bool:
    """Whether a reading was overtaken by a later one of its register, which holds what it says."""
    return any(
        (between_ms(reading.at_ms, one.at_ms) or 0) > 0 and reading.wh <= one.wh
        for one in account.registers
        if reading.wh + one.offset_wh >= -JITTER_WH
    )


def _continued(account: Account, reading: RegisterReading, most_w: float) -> Register | None:
    """The register that a reading goes on from: the one heard last of those that it can, and of these the nearest."""
    fit = [one for one in account.registers if _may_rise(account, one, reading, most_w)]
    return min(fit, key=lambda one: (not one.sure, -one.span_ms, abs(reading.wh - one.wh)), default=None)


def _may_rise(account: Account, one: Register, reading: RegisterReading, most_w: float) -> bool:
    most_wh = _since_wh(account, one, reading, most_w) + _step_wh(one.wh, reading.wh)
    return -JITTER_WH <= reading.wh - one.wh <= most_wh


def _since_wh(account: Account, one: Register, reading: RegisterReading, most_w: float) -> float:
    """The most that a register can have risen since it last rose."""
    by_post_ms = between_ms(one.at_ms, reading.at_ms)
    slack_ms = UNTIMED_SLACK_MS if by_post_ms is None else TIMED_SLACK_MS
    elapsed_ms = max(by_post_ms or 0, account.span_ms - one.span_ms) + slack_ms
    elapsed_ms = min(elapsed_ms, account.span_ms + UNTIMED_SLACK_MS)
    return _possible_wh(most_w, elapsed_ms)


def _risen(account: Account, register: Register, reading: RegisterReading) -> Register:
    """A register after one more reading; the same one told again bears nothing out."""
    is_new = reading.wh > register.wh or (between_ms(register.at_ms, reading.at_ms) or 0) > 0
    sure = register.sure or is_new
    if reading.wh <= register.wh:
        return replace(register, sure=sure)
    return replace(register, wh=reading.wh, at_ms=reading.at_ms, span_ms=account.span_ms, sure=sure)


def _first(account: Account, reading: RegisterReading, most_w: float) -> Register:
    """A register that was not heard before."""
    lead = max((one for one in account.registers if one.sure), key=lambda one: one.energy_wh, default=None)
    if lead is None:
        return Register(reading.wh, -reading.wh, reading.at_ms, account.span_ms)
    offset_wh, guess = _guessed(account, lead, reading, most_w)
    return Register(reading.wh, offset_wh, reading.at_ms, account.span_ms, guess, False, reading.at_ms)


def _guessed(account: Account, lead: Register, reading: RegisterReading, most_w: float) -> tuple[float, Guess]:
    """The offset of a register that was not heard before. Where the post does tell numbers, one without a number is of
    a lifetime: it is no guess at what this transaction took."""
    since_wh, energy_wh = _since_wh(account, lead, reading, most_w), account.energy_wh
    if reading.numbered or not account.numbered:
        is_older = (between_ms(reading.at_ms, lead.at_ms) or 0) > 0
        least_wh = 0.0 if is_older else energy_wh  # a reading that came late may be from before all that was drawn
        if reading.wh < lead.wh and least_wh - JITTER_WH <= reading.wh <= energy_wh + since_wh:
            return 0.0, "session"
        if reading.wh < lead.wh and reading.wh <= since_wh and not is_older:
            return energy_wh, "reset"
        if 0 < reading.wh - lead.wh <= SAME_REGISTER * since_wh:
            return energy_wh + since_wh - reading.wh, "rate"
    return energy_wh - reading.wh, "other"


def _explained(account: Account, register: Register, reading: RegisterReading, now: Register) -> Account:
    """Put a register into the account. The second reading in a row that nothing sure explains makes its own sure."""
    is_again = now == register and now is not register
    counts = (reading.numbered or not account.numbered) and not is_again
    unexplained = 0 if register.sure else account.unexplained + counts
    if not register.sure and unexplained > 1:
        now = replace(now, sure=True)
    if now.sure and not register.sure and counts and now.guess in ("reset", "rate", "other"):
        account = _doubted(account, now.guess)
    others = [one for one in account.registers if one is not register]
    while len(others) >= MAX_REGISTERS:
        others.remove(min(others, key=lambda one: (one.guess == "", one.sure, one.span_ms)))
    return replace(account, registers=(*others, now), unexplained=0 if now.sure else unexplained)


def _carried(account: Account, reading: RegisterReading, rise_wh: float) -> Account:
    """What is read late of a register from before a reset was drawn before all that the next one counts."""
    if rise_wh <= 0 or reading.at_ms is None:
        return account

    def carried(one: Register) -> Register:
        is_later = one.guess == "reset" and between_ms(reading.at_ms, one.first_ms) is not None
        is_later = is_later and reading.at_ms != one.first_ms
        return replace(one, offset_wh=one.offset_wh + rise_wh) if is_later else one

    return replace(account, registers=tuple(map(carried, account.registers)))


def _summed(account: Account) -> Account:
    sure_wh = (one.energy_wh for one in account.registers if one.sure)
    return replace(account, energy_wh=max(account.energy_wh, *sure_wh, 0.0))


def _doubted(account: Account, why: Doubt) -> Account:
    return account if why in account.doubts else replace(account, doubts=(*account.doubts, why))


def _possible_wh(most_w: float, elapsed_ms: int) -> float:
    return most_w * MARGIN * elapsed_ms / 3_600_000


def _step_wh(*registers_wh: float) -> float:
    """The step in which registers count: some tell tenths of a kilowatt-hour, or whole ones."""
    steps = (1000.0, 100.0, STEP_WH)
    return next((step for step in steps if all(wh % step == 0 for wh in registers_wh)), STEP_WH)


def between_ms(early_ms: int | None, late_ms: int | None) -> int | None:
    """The time between two of the post's, None where its clock was set in between or never went."""
    if early_ms is None or late_ms is None or not 0 <= late_ms - early_ms <= MAX_DELAY_MS:
        return None
    return late_ms - early_ms
