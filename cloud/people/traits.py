"""What is written down of a person beside the name: tags of a closed list, month of birth, how they were verified.
Pure.

No number of an identity card is kept, and no day of birth.
"""

import re
from enum import StrEnum


class Tag(StrEnum):
    """What prices and doors may ask about a person."""

    OVER_60 = "60+"
    OVER_70 = "70+"
    DISABLED = "disabled"
    LOW_INCOME = "low_income"
    SLOW = "slow"
    VOLUNTEER = "volunteer"
    RIDER = "rider"


class Verified(StrEnum):
    """How the office knows who a person is."""

    NOT = ""
    IDENTITY_CARD = "identity_card"
    DEED = "deed"
    LEASE = "lease"
    EMPLOYER = "employer"
    RESIDENT = "resident"


def is_month(text: str) -> bool:
    """Whether it is a month of a year, as 1957-03."""
    return re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", text) is not None


def age_tags(born: str, year: int, month: int) -> set[Tag]:
    """The tags that follow from the month of birth. Nobody is a year older before their month has come."""
    if not is_month(born):
        return set()
    birth_year, birth_month = map(int, born.split("-"))
    age = year - birth_year - (month < birth_month)
    return {tag for tag, least in ((Tag.OVER_60, 60), (Tag.OVER_70, 70)) if age >= least}
