"""What became of a signed pass that somebody showed."""

from collections.abc import Mapping
from enum import StrEnum

from contract.reasons import Reason


class PassVerdict(StrEnum):
    """The first fault of a pass, in the order in which it is looked for, or that it has none.

    ``bad_proof``: a carried pass came without the signature of the phone that it names. ``stale`` and ``ahead``: the
    phone signed too long ago, as on a picture of its screen, or its clock is ahead. ``used_up``: it was let in as
    often as it says.
    """

    OK = "ok"
    MALFORMED = "malformed"
    WRONG_KEY = "wrong_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_SITE = "wrong_site"
    TOO_LONG = "too_long"
    CLOCK_UNSET = "clock_unset"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    REVOKED = "revoked"
    BAD_PROOF = "bad_proof"
    STALE = "stale"
    AHEAD = "ahead"
    REPLAYED = "replayed"
    USED_UP = "used_up"


REFUSALS: Mapping[PassVerdict | None, Reason] = {
    verdict: Reason(f"pass_{verdict}") for verdict in PassVerdict if verdict is not PassVerdict.OK
}
"""The reason that the rule gives for each fault."""
