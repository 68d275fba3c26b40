"""How long the modes of points are ordered for, and what of a desired document still lasts."""

import secrets
from collections.abc import Mapping

from msgspec.structs import replace

from cloud.commands.store import DesiredView, Term
from contract.decide import MINUTE_MS, Mode
from contract.kinds import MODE_LASTS_MS, has_mode

ORDER_BYTES = 8


class TooLong(ValueError):
    """No order of this mode lasts so long, or the mode has no end. The text says how long it may last."""


def new_term(mode: Mode, by: str, reason: str, now_ms: int, minutes: int | None) -> Term | None:
    """The term of a new order; None for a mode that has no end. Raises ``TooLong``."""
    most_ms = MODE_LASTS_MS.get(mode)
    if most_ms is None:
        if minutes is not None:
            raise TooLong(f"{mode.value} lasts until another mode is set: leave out the minutes")
        return None
    lasts_ms = most_ms if minutes is None else minutes * MINUTE_MS
    if not 0 < lasts_ms <= most_ms:
        raise TooLong(f"{mode.value} lasts 1 to {most_ms // MINUTE_MS} minutes; renew it when it ends")
    return Term(secrets.token_hex(ORDER_BYTES), now_ms, now_ms + lasts_ms, by, reason)


def lasting(one: DesiredView, kinds: Mapping[str, str], now_ms: int) -> DesiredView:
    """The same without what is over and without modes that their points have not got; at a point whose kind nobody
    knows yet it is left to end. A mode from before there were ends is given one."""
    modes = {point: one.mode_of(point, now_ms) for point in one.modes}
    modes = {
        point: mode if not kinds.get(point) or has_mode(kinds[point], mode) else Mode.SCHEDULED
        for point, mode in modes.items()
    }
    modes = not_scheduled(modes)
    terms = {
        point: one.terms.get(point) or Term(f"before-{mode.value}", now_ms, now_ms + MODE_LASTS_MS[mode])
        for point, mode in modes.items()
        if mode in MODE_LASTS_MS
    }
    return replace(one, modes=modes, terms=terms)


def is_out(one: DesiredView, point: str, now_ms: int) -> bool:
    return one.mode_of(point, now_ms) is Mode.OUT_OF_SERVICE


def not_scheduled(modes: Mapping[str, Mode]) -> dict[str, Mode]:
    return {point: mode for point, mode in modes.items() if mode is not Mode.SCHEDULED}
