"""How late an event reached the cloud: whether it is news, or only to be written down."""

from enum import StrEnum

LIVE_WITHIN_MS = 60_000
"""A device waits 5 s for its acknowledgement, and after silences up to 60 s. What took longer was held up."""
OLD_FROM_MS = 86_400_000
"""Yesterday's: whoever is on duty now was not on duty then."""


class Lateness(StrEnum):
    """Only what is ``live`` may ring a bell, whoever says so and for whatever reason."""

    LIVE = "live"
    LATE = "late"
    OLD = "old"


def lateness(took_ms: int | None, replay: bool) -> Lateness:
    """``took_ms`` lies between the event and its arrival, None where the device did not know the time; ``replay`` is
    its device's word that it was offline. An event of the future is live: its clock is ahead."""
    if took_ms is not None and took_ms >= OLD_FROM_MS:
        return Lateness.OLD
    if replay or (took_ms is not None and took_ms > LIVE_WITHIN_MS):
        return Lateness.LATE
    return Lateness.LIVE
