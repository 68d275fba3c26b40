"""Who is there: what a device said of itself, what its will said in its stead, and when it was last heard."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from cloud.devices.quarantine import Refused
from cloud.store.schema import MAX_INTEGER
from contract import codec
from contract.codec import Malformed
from contract.messages import Beat, Live, State
from contract.roster import PAGE_VERSIONS
from contract.sealing import DeviceVerifier, Purpose, statement

LATE_AFTER_MS = 75_000
"""Two and a half beats of 30 s."""
OFFLINE_AFTER_MS = 120_000
MAX_STARTS = 8
"""Starts of a device that are remembered, to notice another machine under its name."""
MAX_REPORT_BYTES = 64 * 1024
"""A state or a beat. It is kept whole, once a device."""


class Presence(StrEnum):
    """What the cloud may say of a device. It speaks of hearing only: an unheard door may work very well."""

    NEVER = "never"
    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"

    @property
    def is_online(self) -> bool:
        """Whether the cloud hears the device: only then can anything be ordered of it."""
        return self in (Presence.ONLINE, Presence.LATE)


class Silence(StrEnum):
    """Why a device is not heard, as far as that can be known from here."""

    STOPPED = "stopped"
    """It signed off: somebody stopped its agent."""
    CUT = "cut"
    """It did not: cable, power or agent."""


def silence(online: bool, signed: Mapping[str, Any]) -> Silence:
    """``online`` as below; ``signed`` is the last state that the device itself signed. A will is not signed."""
    return Silence.STOPPED if not online and signed.get("online") is False else Silence.CUT


def presence(online: bool, heard_ms: int | None, now_ms: int) -> Presence:
    """``online`` is what the device or its will said last, ``heard_ms`` when anything came from it."""
    if heard_ms is None:
        return Presence.NEVER
    silent_ms = now_ms - heard_ms
    if not online or silent_ms >= OFFLINE_AFTER_MS:
        return Presence.OFFLINE
    return Presence.LATE if silent_ms >= LATE_AFTER_MS else Presence.ONLINE


def read_state(payload: bytes, site: str, device: str, verifier: DeviceVerifier) -> tuple[State, bool]:
    """A state, and whether its device signed it. A will, which a broker speaks, is not signed and says offline.

    Raises ``Malformed``, or ``Refused`` if it claims more than a will may and the device did not sign it.
    """
    _check_size(payload)
    body, seal = codec.detach(payload) if b"\n" in payload else (payload, b"")
    state = codec.read(body, State)
    check_numbers(state.connection, state.roster.version)
    sealed = bool(seal)
    if sealed and not verifier.accepts(statement(Purpose.STATE, site, device, body), seal):
        raise Refused("bad_seal", "the seal of the state is not this device's")
    if not sealed and state.online:
        raise Refused("bad_seal", "only the device itself may say that it is online")
    return state, sealed


def after_state(state: State, sealed: bool, connection: int, now_ms: int) -> dict[str, Any]:
    """The columns of a device that change with a state, when its newest known connection is ``connection``.

    Empty for a state of an older connection. A will marks offline and no more: nobody signed its number.
    """
    if state.connection < connection:
        return {}
    if not sealed:
        return {"online": False}
    return {
        "online": state.online,
        "connection": state.connection,
        "state": msgspec.to_builtins(state),
        "state_ms": now_ms,
        "roster_number": state.roster.version,
        "page_version": max((one for one in state.roster.reads if one in PAGE_VERSIONS), default=PAGE_VERSIONS[0]),
    }


def after_start(starts: Mapping[str, int], boot: str, connection: int) -> tuple[Mapping[str, int], bool]:
    """A device has signed that it made this connection since this start of its machine. ``starts`` are those that were
    heard of, the newest last, each with its newest connection. Returns them anew, and whether there are two machines.

    A machine never goes back to an earlier start: of two that bear one name, each connects in turn as the broker shows
    it the door for the other. What a broker repeats is no new connection, and a goodbye names no start.
    """
    known = starts.get(boot)
    if not boot or (known is not None and connection <= known):
        return starts, False
    others = {other: newest for other, newest in starts.items() if other != boot}
    is_back = known is not None and list(starts)[-1] != boot
    return dict([*others.items(), (boot, connection)][-MAX_STARTS:]), is_back


def after_beat(payload: bytes, now_ms: int) -> dict[str, Any]:
    """The columns of a device that change with a beat. Raises ``Malformed``."""
    _check_size(payload)
    beat = codec.read(payload, Beat)
    check_numbers(beat.waiting)
    return {"beat": msgspec.to_builtins(beat), "beat_ms": now_ms, "waiting": beat.waiting}


def after_live(payload: bytes, now_ms: int) -> dict[str, Any]:
    """The columns of a device that change with its readings. Raises ``Malformed``."""
    _check_size(payload)
    return {"live": codec.read(payload, Live).points, "live_ms": now_ms}


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_REPORT_BYTES:
        raise Malformed(f"{len(payload)} bytes, more than {MAX_REPORT_BYTES}")


def check_numbers(*numbers: int) -> None:
    """Raises ``Malformed`` for what no table can hold."""
    if not all(0 <= number <= MAX_INTEGER for number in numbers):
        raise Malformed("a number that no table can hold")
