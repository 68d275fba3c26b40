"""A bar: for how long, on which ground and by whom somebody is kept to their home. Pure."""

from enum import StrEnum

from msgspec import Struct

from contract.decide import DAY_MS

MAX_DAYS = 90
PHONE_DIGITS = range(5, 16)
PLATE_SIGNS = range(5, 10)


class BarGround(StrEnum):
    """Why somebody is barred. The list is closed."""

    VIOLENCE = "violence"
    THREATS = "threats"
    THEFT = "theft"
    DAMAGE = "damage"
    FIRE_RISK = "fire_risk"
    LENT_CARD = "lent_card"


class BarState(StrEnum):
    """What has become of a bar."""

    ENTERED = "entered"
    IN_FORCE = "in_force"
    ENDED = "ended"
    LIFTED = "lifted"


class Bar(Struct, frozen=True):
    """A bar of a person, a telephone or a plate: one of them. It counts from ``from_ms`` to ``until_ms`` once a second
    operator has confirmed it, and until it is lifted."""

    id: int
    person: int | None
    phone: bytes | None
    plate: str
    ground: BarGround
    from_ms: int
    until_ms: int
    entered_by: str
    entered_ms: int
    confirmed_by: str = ""
    confirmed_ms: int | None = None
    appeal: str = ""
    appeal_ms: int | None = None
    lifted_by: str = ""
    lifted_ms: int | None = None

    def state(self, now_ms: int) -> BarState:
        if self.lifted_ms is not None:
            return BarState.LIFTED
        if now_ms >= self.until_ms:
            return BarState.ENDED
        return BarState.ENTERED if self.confirmed_ms is None else BarState.IN_FORCE

    def counts_at(self, now_ms: int) -> bool:
        """Whether the barred person is kept to their home at that moment."""
        return self.state(now_ms) is BarState.IN_FORCE and self.from_ms <= now_ms


class BarRefusal(StrEnum):
    """Why a bar cannot be so."""

    TOO_LONG = "too_long"
    ENDS_EARLY = "ends_early"
    ONE_PERSON = "one_person"
    NOT_OPEN = "not_open"


def refusal_of_window(from_ms: int, until_ms: int, now_ms: int) -> BarRefusal | None:
    """Why a bar cannot last so; None if it can."""
    if until_ms <= max(from_ms, now_ms):
        return BarRefusal.ENDS_EARLY
    return BarRefusal.TOO_LONG if until_ms - from_ms > MAX_DAYS * DAY_MS else None


def refusal_of_confirmation(bar: Bar, by: str, now_ms: int) -> BarRefusal | None:
    """Why this operator cannot confirm the bar; None if they can."""
    if bar.state(now_ms) is not BarState.ENTERED:
        return BarRefusal.NOT_OPEN
    return BarRefusal.ONE_PERSON if bar.entered_by == by else None


def clean_phone(text: str) -> str:
    """The digits of a telephone number, without a country's 86. Raises ``ValueError`` if it is none."""
    digits = "".join(sign for sign in text if sign.isdecimal() and sign.isascii())
    if digits.startswith("86") and len(digits) == len("8613800000000"):
        digits = digits.removeprefix("86")
    if len(digits) not in PHONE_DIGITS or any(sign not in "+- ()" for sign in text if not sign.isdecimal()):
        raise ValueError("a telephone number has 5 to 15 digits")
    return digits


def clean_plate(text: str) -> str:
    """A plate in its one form: from the third place on there is neither O nor I. Raises ``ValueError`` if it is
    none."""
    plate = "".join(sign for sign in text.upper() if sign not in " ·-")
    if len(plate) not in PLATE_SIGNS or not plate.isalnum():
        raise ValueError("a plate has 5 to 9 letters and digits")
    return plate[:2] + plate[2:].replace("O", "0").replace("I", "1")
