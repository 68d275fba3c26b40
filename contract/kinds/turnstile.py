"""A turnstile: a tripod that an allowed badge unlocks for one person."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from contract.archetypes import ALL_MODES, PortalKind
from contract.event_types import event
from contract.occupancy import Moved
from contract.phrases import Phrase, noun

Phase = Literal["rest", "unlocked", "turning", "forced", "jammed", "released"]
Fault = Literal["arm_still", "jammed"]
Text = Literal["forced", "jammed", "tailgated"]


class Turnstile(PortalKind[Phase, Fault, Text]):
    """What a turnstile records beside what every portal does. Each turn of its arm is one person."""

    moves: ClassVar[Mapping[str, Moved]] = {
        "turnstile.exited": Moved(-1, names_doubt=1),
        "turnstile.tailgated": Moved(1, names_doubt=1),
        "turnstile.forced": Moved(1, count_doubt=1, names_doubt=1),
        "turnstile.jammed": Moved(0, count_doubt=1, names_doubt=1),
    }

    @event("turnstile.exited", "quiet", "access", "有人出门", "Somebody went out")
    def exited(self) -> None:
        """The arm turned outwards without a card."""

    @event("turnstile.forced", "alarm", "access", "闸臂被强推", "Arm forced")
    def forced(self) -> None:
        """The arm turned inwards while it was locked."""

    @event("turnstile.tailgated", "alarm", "access", "一卡进了两人", "Two people entered on one card")
    def tailgated(self) -> None:
        """The arm turned twice while it was unlocked once."""

    @event("turnstile.jammed", "alarm", "access", "闸臂卡住", "Arm jammed")
    def jammed(self) -> None:
        """The arm stands between two places."""

    @event("turnstile.jam_cleared", "quiet", "access", "闸臂已恢复", "Arm works again")
    def jam_cleared(self) -> None:
        """The arm is in its place again."""


TURNSTILE = KIND = Turnstile(
    "turnstile",
    noun("闸机", "Turnstile", "Turnstiles"),
    modes=ALL_MODES,
    phases={
        "rest": Phrase("静止", "at rest"),
        "unlocked": Phrase("已解锁", "unlocked"),
        "turning": Phrase("转动中", "turning"),
        "forced": Phrase("被强行打开", "forced open"),
        "jammed": Phrase("卡住", "jammed"),
        "released": Phrase("已释放", "released"),
    },
    faults={
        "arm_still": Phrase("闸臂不动", "The arm does not move"),
        "jammed": Phrase("闸臂卡住", "Arm jammed"),
    },
    texts={
        "forced": Phrase("强行通过", "Forced"),
        "jammed": Phrase("闸杆卡住了", "The arm is stuck"),
        "tailgated": Phrase("一人一卡，请勿尾随", "One person, one card"),
    },
)
