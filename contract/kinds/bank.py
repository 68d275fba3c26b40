"""The contactor upstream of a bank of sockets, which feeds them and is read back."""

from typing import Literal, Never

from contract.archetypes import FeederKind
from contract.event_types import event
from contract.phrases import Phrase, noun

Phase = Literal["off", "closing", "live", "faulted", "emergency"]
Fault = Literal["contactor_open", "contactor_welded", "cut", "kept_unreadable"]


class Bank(FeederKind[Phase, Fault, Never]):
    """What a bank records beside its faults and modes."""

    @event(
        "bank.cut", "alarm", "value", "已切断供电：下级有插座无法断电", "Supply cut: a socket below does not switch off"
    )
    def cut(self, by: str) -> None:
        """``by`` is the socket whose relay does not open."""


BANK = KIND = Bank(
    "bank",
    noun("供电组", "Supply", "Supplies of sockets"),
    phases={
        "off": Phrase("未供电", "supply off"),
        "closing": Phrase("正在供电", "supply comes on"),
        "live": Phrase("供电中", "supply on"),
        "faulted": Phrase("不可用", "out of order"),
        "emergency": Phrase("紧急情况", "emergency"),
    },
    faults={
        "contactor_open": Phrase("接触器不吸合", "The contactor does not close"),
        "contactor_welded": Phrase("接触器不断开", "The contactor does not open"),
        "cut": Phrase("已断开：下级有插座无法断电", "Cut off: a socket below does not switch off"),
        "kept_unreadable": Phrase("保存的充电记录无法读取", "The stored session cannot be read"),
    },
)
