"""A door with a leaf: a lock, and if wired a contact, an exit button and a release sense."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from contract.archetypes import ALL_MODES, PortalKind
from contract.event_types import event
from contract.occupancy import Moved
from contract.phrases import Phrase, noun

Phase = Literal["closed", "unlocked", "open", "held", "forced", "released"]
Fault = Literal["contact_reversed", "contact_still", "exit_button_stuck"]
Text = Literal["please_close", "held", "forced"]


class Door(PortalKind[Phase, Fault, Text]):
    """What a door records beside what every portal does. Nobody can say how many pass while a leaf is open."""

    moves: ClassVar[Mapping[str, Moved]] = {
        "door.exited": Moved(-1, count_doubt=1, names_doubt=1),
        "door.tailgated": Moved(1, count_doubt=1, names_doubt=1),
        "door.forced": Moved(0, count_doubt=1, names_doubt=1),
        "door.held": Moved(0, count_doubt=1, names_doubt=1),
    }

    @event("door.exit_button", "quiet", "access", "按了出门按钮", "Exit button pressed")
    def exit_button(self) -> None:
        """The door is unlocked from inside."""

    @event("door.exited", "quiet", "access", "有人出门", "Somebody went out")
    def exited(self) -> None:
        """The leaf was opened after the exit button had been pressed."""

    @event("door.forced", "alarm", "access", "门被强行打开", "Door forced open")
    def forced(self) -> None:
        """The leaf was opened while it was locked."""

    @event("door.tailgated", "alarm", "access", "有人在门锁上之前跟了进去", "Somebody entered before the door latched")
    def tailgated(self) -> None:
        """The leaf was opened once more before it was locked."""

    @event("door.hard_release", "alarm", "access", "门由线路直接释放", "Door released by its wiring")
    def hard_release(self, active: bool) -> None:
        """The release sense says that the lock has lost its power, or has it again."""

    @event("door.held", "alarm", "access", "门开着太久", "Door held open")
    def held(self, open_ms: int) -> None:
        """How long it has been open."""

    @event("door.shut", "quiet", "access", "门已关上", "Door shut")
    def shut(self, open_ms: int) -> None:
        """How long it was open."""


DOOR = KIND = Door(
    "door",
    noun("门", "Door", "Doors"),
    modes=ALL_MODES,
    phases={
        "closed": Phrase("关着", "closed"),
        "unlocked": Phrase("已解锁", "unlocked"),
        "open": Phrase("开着", "open"),
        "held": Phrase("开着太久", "open for too long"),
        "forced": Phrase("被强行打开", "forced open"),
        "released": Phrase("已释放", "released"),
    },
    faults={
        "contact_reversed": Phrase("门磁接反", "Door contact reversed"),
        "contact_still": Phrase("门磁从不变化", "Door contact never moves"),
        "exit_button_stuck": Phrase("出门按钮卡住", "Exit button stuck"),
    },
    texts={
        "please_close": Phrase("请关门", "Please close the door"),
        "held": Phrase("门一直开着", "The door stands open"),
        "forced": Phrase("强行通过", "Forced"),
    },
)
