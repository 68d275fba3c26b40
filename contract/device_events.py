"""What a device records of itself: of its program, its keeper, its clock, its readers and the zones around it.

What a point records is declared by its kind, see ``kinds``.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from contract.device_words import DeviceFault
from contract.event_types import EventType, Look, declared_in, event
from contract.events import Gap
from contract.phrases import Phrase


def not_done_fields(why: str, id: str = ..., op: str = ..., by: str = ..., reason: str = ..., count: int = ...) -> None:
    """An order that was not carried out. What was refused unread is known by less."""


class CommandEvents:
    """What became of the orders of an operator."""

    failed = EventType(
        "command.failed", "alarm", "value", "指令执行失败", "Command failed", not_done_fields, says=("op",)
    )
    refused = EventType(
        "command.refused", "alarm", "value", "拒绝了一条指令", "Command refused", not_done_fields, says=("op",)
    )

    @event("command.done", "alarm", "value", "按操作员指令执行", "Command carried out", says=("op",))
    def done(self, id: str, op: str, by: str, reason: str) -> None:
        """An order of an operator: its command's id, what it asks for, who gave it and why."""

    @event("command.unknown", "alarm", "value", "指令结果不明", "Command with unknown result", says=("op",))
    def unknown(self, id: str, op: str) -> None:
        """The device stopped between the beginning and the end of this order."""


class EmergencyBegan(TypedDict):
    """``by`` is the operator of a drill, ``was`` the cause before a worse one."""

    zone: str
    cause: str
    by: NotRequired[str]
    was: NotRequired[str]


class EmergencyReset(TypedDict):
    """``how`` it ended, ``by`` whose card or order; ``holder`` names the card's once more."""

    zone: str
    cause: str
    how: str
    by: NotRequired[str]
    holder: NotRequired[str]


class NotReset(TypedDict):
    zone: str
    how: str
    causes: Sequence[str]
    by: NotRequired[str]


class EmergencyEvents:
    """The emergency of a zone."""

    began = EventType(
        "emergency.began", "alarm", "access", "警情开始", "Emergency began", EmergencyBegan, says=("cause",)
    )
    standing = EventType(
        "emergency.standing",
        "alarm",
        "access",
        "启动时警情仍在",
        "Emergency still in force when it started",
        EmergencyBegan,
        says=("cause",),
    )
    worsened = EventType(
        "emergency.worsened",
        "alarm",
        "access",
        "警情升级",
        "Emergency: the cause got worse",
        EmergencyBegan,
        says=("cause",),
    )
    reset = EventType(
        "emergency.reset",
        "quiet",
        "access",
        "警情解除",
        "Emergency over",
        EmergencyReset,
        says=("cause", "how"),
    )
    not_reset = EventType(
        "emergency.not_reset",
        "alarm",
        "access",
        "有人尝试复位，但报警仍在",
        "Reset refused: the alarm is still on",
        NotReset,
    )


class ReaderEvents:
    """What a reader sends that is no card."""

    @event("reader.invalid_read", "quiet", "watch", "读到的不是卡", "Invalid card read")
    def invalid_read(
        self,
        bits: int = ...,
        parity: str = ...,
        swapped: bool = ...,
        perhaps_swapped: bool = ...,
        reader: str = ...,
        why: str = ...,
        count: int = ...,
    ) -> None:
        """A frame that is no card, by its length and parity, never by its bits; or ``why`` a card led to no point, or a
        code was not looked at."""

    @event("reader.codes_closed", "alarm", "watch", "输错代码过多，暂停输入代码", "Too many wrong codes: codes closed")
    def codes_closed(self, reader: str, wrong: int, closed_ms: int) -> None:
        """So many codes were wrong at this reader within a day that none is looked at for a while. Cards open."""

    @event(
        "reader.enrolment",
        "quiet",
        "watch",
        "读卡登记开始，等待刷卡",
        "Enrolment open: waiting for a card",
        looks={
            ("step", "first_read"): Look("quiet", Phrase("读卡登记：已刷一次", "Enrolment: a card was held once")),
            ("step", "read"): Look("good", Phrase("读卡登记：卡已读取", "Enrolment: the card has been read")),
        },
    )
    def enrolment(self, id: str, reader: str, step: str) -> None:
        """How far the enrolment of this command is: ``open``, ``first_read`` or ``read``. Of the card nothing."""


class JournalEvents:
    """What stands in the place of rows that are lost."""

    gap = EventType(
        "journal.gap",
        "alarm",
        "value",
        "记录丢失",
        "Events lost",
        Gap,
        adds=Phrase("第 %(first)s 至 %(last)s 条", "rows %(first)s to %(last)s"),
    )


class RosterDamaged(TypedDict, total=False):
    """A whole file that was set aside, or some of its pages."""

    kept_as: str
    pages: int


def cleared_fields(fault: str, by: str = ...) -> None:
    """``by`` is the holder who cleared it on site, where one had to."""


class DeviceEvents:
    """What a device records of itself, and of what its program did to a point."""

    fault_cleared = EventType(
        "device.fault_cleared",
        "quiet",
        "watch",
        "设备故障已排除",
        "Device fault cleared",
        cleared_fields,
        says=("fault",),
    )
    roster_damaged = EventType(
        "device.roster_damaged", "alarm", "watch", "名单曾损坏", "Roster was damaged", RosterDamaged
    )

    @event("device.asks_time", "quiet", "watch", "询问了时间", "Requested the time")
    def asks_time(self, clock: str) -> None:
        """How far its ``clock`` was to be believed when it asked."""

    @event("device.clock_fixed", "quiet", "watch", "校准了时钟", "Clock set from the cloud")
    def clock_fixed(self, boot: str, offset_ms: int, error_ms: int) -> None:
        """In this ``boot`` UTC is the monotonic clock plus ``offset_ms``, give or take ``error_ms``."""

    @event("device.clock_set", "alarm", "watch", "操作员校准了时钟", "Clock set by an operator")
    def clock_set(self, by: str, was_ms: int) -> None:
        """Who set it, and what it said before."""

    @event("device.clock_damaged", "alarm", "watch", "时间文件曾损坏", "Clock file was damaged")
    def clock_damaged(self, kept_as: str, floor_ms: int) -> None:
        """The file is ``kept_as`` another; time goes on from ``floor_ms``."""

    @event(
        "device.certificate_refused",
        "alarm",
        "watch",
        "消息代理不接受它的新证书",
        "New certificate refused by the broker",
    )
    def certificate_refused(self, why: str) -> None:
        """Why the former certificate is in use again."""

    @event("device.certificate_renewed", "quiet", "watch", "证书已续期", "Certificate renewed")
    def certificate_renewed(self, not_after_ms: int | None) -> None:
        """When the new one ends."""

    @event(
        "device.config",
        "quiet",
        "watch",
        "已按要求执行",
        "Configuration applied",
        looks={
            ("status", "refused"): Look("alarm", Phrase("拒绝了要求", "Configuration refused")),
            ("status", "reverted"): Look("alarm", Phrase("已恢复原接线", "Returned to the previous wiring")),
            ("status", "trying"): Look("quiet", Phrase("正在试用新接线", "Trying a new wiring")),
            ("status", "waiting"): Look("quiet", Phrase("等待合适时机再执行要求", "Waiting to apply a configuration")),
        },
    )
    def config(self, status: str, number: int = ..., why: str = ..., count: int = ...) -> None:
        """What became of the desired document of this ``number``."""

    @event("device.fault", "alarm", "watch", "设备故障", "Device fault", says=("fault",))
    def fault(
        self,
        fault: DeviceFault,
        what: str = ...,
        why: str = ...,
        output: str = ...,
        reader: str = ...,
        input: str = ...,
        named: str = ...,
        count: int = ...,
    ) -> None:
        """The rest says where, and what exactly was wrong."""

    @event(
        "device.forked",
        "alarm",
        "watch",
        "改用新日志：同一名称下存在另一份历史",
        "New journal begun: another history exists under this name",
        adds=Phrase("第 %(upto)s 条之后共 %(carried)s 条", "%(carried)s rows behind row %(upto)s"),
    )
    def forked(self, journal: str = ..., upto: int = ..., carried: int = ...) -> None:
        """``journal`` was left at row ``upto``, and ``carried`` rows behind that stand in the new one as well."""

    @event("device.journal_recovered", "alarm", "watch", "日志曾损坏，已修复", "Journal was damaged and repaired")
    def journal_recovered(self, journal: str, last_seq: int, lost_from: int, carried: int, why: str) -> None:
        """The chain of ``journal`` held up to ``last_seq``; rows from ``lost_from`` on are gone or ``carried`` over."""

    @event("device.keeper_found", "quiet", "watch", "守护程序已恢复", "Keeper process running again")
    def keeper_found(self) -> None:
        """The keeper answers again."""

    @event("device.keeper_lost", "alarm", "watch", "守护程序已停止", "The keeper process stopped")
    def keeper_lost(self) -> None:
        """The keeper does not answer."""

    @event("device.late_record", "quiet", "watch", "有事件记录得晚了", "An event was recorded late")
    def late_record(self, seq: int) -> None:
        """The row of that event."""

    @event("device.lease_expired", "alarm", "watch", "输出到时自动回落", "An output's lease expired")
    def lease_expired(self, output: str) -> None:
        """Nobody renewed what it had been driven for."""

    @event("device.memory_damaged", "alarm", "watch", "指令记录文件曾损坏", "The record of commands was damaged")
    def memory_damaged(self, kept_as: str) -> None:
        """What the damaged file is called now."""

    @event(
        "device.mode_ended",
        "alarm",
        "watch",
        "模式到时自动结束",
        "Mode ended: its time was over",
        says=("mode",),
    )
    def mode_ended(self, mode: str, number: int) -> None:
        """``number`` is that of the document which ordered the mode."""

    @event("device.power_cut", "alarm", "watch", "曾经断电", "The power was cut")
    def power_cut(self, last_durable: int) -> None:
        """The last row that survived."""

    @event("device.roster_applied", "quiet", "watch", "采用了新名单", "New roster applied")
    def roster_applied(self, roster: int, grants: int) -> None:
        """The number of the roster, and how many grants it holds."""

    @event("device.roster_refused", "alarm", "watch", "拒收了一份名单", "Roster refused")
    def roster_refused(self, why: str, kept: int) -> None:
        """The roster ``kept`` stays in use."""

    @event("device.started", "quiet", "watch", "已启动", "Started")
    def started(self, software: str, clean: bool) -> None:
        """``clean`` if the run before had closed its journal."""

    @event("device.stopped", "quiet", "watch", "已停止", "Stopped")
    def stopped(self) -> None:
        """The agent was told to end."""

    @event("device.unlogged", "alarm", "watch", "有事件未能写下", "Events could not be written")
    def unlogged(self, count: int, first_ms: int, last_ms: int) -> None:
        """How many events the disk did not take, and when."""


DEVICE_EVENTS = declared_in(DeviceEvents, CommandEvents, EmergencyEvents, ReaderEvents, JournalEvents)
