"""What a device records of itself: of its program, its keeper, its clock, its readers and the zones around it.

What a point records is declared by its kind, see ``kinds``.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from contract.device_words import DeviceFault
from contract.event_types import EventType, Look, declared_in
from contract.phrases import Phrase


class Ordered(TypedDict):
    """An order of an operator: its command's id, what it asks for, who gave it and why."""

    id: str
    op: str
    by: str
    reason: str


class NotDone(TypedDict):
    """An order that was not carried out. What was refused unread is known by less."""

    why: str
    id: NotRequired[str]
    op: NotRequired[str]
    by: NotRequired[str]
    reason: NotRequired[str]
    count: NotRequired[int]


class Unsure(TypedDict):
    id: str
    op: str


class CommandEvents:
    """What became of the orders of an operator."""

    done = EventType(
        "command.done", "alarm", "value", "按操作员指令执行", "Done on an operator's word", Ordered, says=("op",)
    )
    failed = EventType("command.failed", "alarm", "value", "指令执行失败", "An order failed", NotDone, says=("op",))
    refused = EventType(
        "command.refused", "alarm", "value", "拒绝了一条指令", "Refused an order", NotDone, says=("op",)
    )
    unknown = EventType(
        "command.unknown", "alarm", "value", "指令结果不明", "Nobody knows how an order ended", Unsure, says=("op",)
    )


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
        "emergency.began", "alarm", "access", "门已放行", "Doors released", EmergencyBegan, says=("cause",)
    )
    standing = EventType(
        "emergency.standing",
        "alarm",
        "access",
        "启动时门仍在放行",
        "Doors still released when it started",
        EmergencyBegan,
        says=("cause",),
    )
    worsened = EventType(
        "emergency.worsened",
        "alarm",
        "access",
        "门已放行，原因升级",
        "Doors released, now for a worse cause",
        EmergencyBegan,
        says=("cause",),
    )
    reset = EventType(
        "emergency.reset",
        "quiet",
        "access",
        "门不再放行",
        "Doors no longer released",
        EmergencyReset,
        says=("cause", "how"),
    )
    not_reset = EventType(
        "emergency.not_reset",
        "alarm",
        "access",
        "有人尝试复位，但报警仍在",
        "Somebody tried to reset it; the alarm is still on",
        NotReset,
    )


class InvalidRead(TypedDict, total=False):
    """A frame that is no card, by its length and parity, never by its bits; or ``why`` a card led to no point."""

    bits: int
    parity: str
    swapped: bool
    perhaps_swapped: bool
    reader: str
    why: str
    count: int


class ReaderEvents:
    """What a reader sends that is no card."""

    invalid_read = EventType(
        "reader.invalid_read", "quiet", "watch", "读到的不是卡", "A reading that is no card", InvalidRead
    )


class GapFields(TypedDict):
    """See ``events.Gap``."""

    first: int
    last: int
    count: int
    tip_after: str
    why: str


class JournalEvents:
    """What stands in the place of rows that are lost."""

    gap = EventType(
        "journal.gap",
        "alarm",
        "value",
        "记录丢失",
        "Events are lost",
        GapFields,
        adds=Phrase("第 %(first)s 至 %(last)s 条", "rows %(first)s to %(last)s"),
    )


class Started(TypedDict):
    software: str
    clean: bool


class PowerCut(TypedDict):
    last_durable: int


class ClockFixed(TypedDict):
    boot: str
    offset_ms: int
    error_ms: int


class ClockSet(TypedDict):
    by: str
    was_ms: int


class AsksTime(TypedDict):
    clock: str


class ClockDamaged(TypedDict):
    kept_as: str
    floor_ms: int


class KeptAs(TypedDict):
    kept_as: str


class RosterDamaged(TypedDict, total=False):
    """A whole file that was set aside, or some of its pages."""

    kept_as: str
    pages: int


class RosterApplied(TypedDict):
    roster: int
    grants: int


class RosterRefused(TypedDict):
    why: str
    kept: int


class ConfigTaken(TypedDict):
    status: str
    number: NotRequired[int]
    why: NotRequired[str]
    count: NotRequired[int]


class ModeEnded(TypedDict):
    mode: str
    number: int


class CertificateRefused(TypedDict):
    why: str


class CertificateRenewed(TypedDict):
    not_after_ms: int | None


class FaultFields(TypedDict):
    """The rest says where, and what exactly was wrong."""

    fault: DeviceFault
    what: NotRequired[str]
    why: NotRequired[str]
    output: NotRequired[str]
    reader: NotRequired[str]
    input: NotRequired[str]
    named: NotRequired[str]
    count: NotRequired[int]


class FaultCleared(TypedDict):
    """``by`` is the holder who cleared it on site, where one had to."""

    fault: str
    by: NotRequired[str]


class LeaseExpired(TypedDict):
    output: str


class LateRecord(TypedDict):
    seq: int


class Unlogged(TypedDict):
    count: int
    first_ms: int
    last_ms: int


class Forked(TypedDict, total=False):
    """``journal`` was left at row ``upto``, and ``carried`` rows behind that stand in the new one as well."""

    journal: str
    upto: int
    carried: int


class JournalRecovered(TypedDict):
    """The chain of ``journal`` held up to ``last_seq``; rows from ``lost_from`` on are gone or ``carried`` over."""

    journal: str
    last_seq: int
    lost_from: int
    carried: int
    why: str


class DeviceEvents:
    """What a device records of itself, and of what its program did to a point."""

    asks_time = EventType("device.asks_time", "quiet", "watch", "询问了时间", "Asked for the time", AsksTime)
    clock_fixed = EventType("device.clock_fixed", "quiet", "watch", "校准了时钟", "Learned the time", ClockFixed)
    clock_set = EventType(
        "device.clock_set", "alarm", "watch", "操作员校准了时钟", "An operator set its clock", ClockSet
    )
    clock_damaged = EventType(
        "device.clock_damaged", "alarm", "watch", "时间文件曾损坏", "The file of its time was damaged", ClockDamaged
    )
    certificate_refused = EventType(
        "device.certificate_refused",
        "alarm",
        "watch",
        "消息代理不接受它的新证书",
        "No broker takes its new certificate",
        CertificateRefused,
    )
    certificate_renewed = EventType(
        "device.certificate_renewed", "quiet", "watch", "证书已续期", "Its certificate is renewed", CertificateRenewed
    )
    config = EventType(
        "device.config",
        "quiet",
        "watch",
        "已按要求执行",
        "Took up what is ordered of it",
        ConfigTaken,
        looks={
            ("status", "refused"): Look("alarm", Phrase("拒绝了要求", "Refused what is ordered of it")),
            ("status", "reverted"): Look("alarm", Phrase("已恢复原接线", "Went back to its former wiring")),
            ("status", "trying"): Look("quiet", Phrase("正在试用新接线", "Tries a new wiring")),
            ("status", "waiting"): Look(
                "quiet", Phrase("等待合适时机再执行要求", "Waits before it does what is ordered of it")
            ),
        },
    )
    fault = EventType("device.fault", "alarm", "watch", "设备故障", "Device fault", FaultFields, says=("fault",))
    fault_cleared = EventType(
        "device.fault_cleared",
        "quiet",
        "watch",
        "设备故障已排除",
        "Device fault cleared",
        FaultCleared,
        says=("fault",),
    )
    forked = EventType(
        "device.forked",
        "alarm",
        "watch",
        "改用新日志：同一名称下存在另一份历史",
        "Went on in a new journal: there was another past under its name",
        Forked,
        adds=Phrase("第 %(upto)s 条之后共 %(carried)s 条", "%(carried)s rows behind row %(upto)s"),
    )
    journal_recovered = EventType(
        "device.journal_recovered",
        "alarm",
        "watch",
        "日志曾损坏，已修复",
        "Its journal was damaged and mended",
        JournalRecovered,
    )
    keeper_found = EventType("device.keeper_found", "quiet", "watch", "引脚重新受控", "Its pins are kept again")
    keeper_lost = EventType("device.keeper_lost", "alarm", "watch", "引脚失去看管", "Nobody keeps its pins")
    late_record = EventType(
        "device.late_record", "quiet", "watch", "有事件记录得晚了", "An event was recorded late", LateRecord
    )
    lease_expired = EventType(
        "device.lease_expired",
        "alarm",
        "watch",
        "输出到时自动回落",
        "An output fell back to rest by itself",
        LeaseExpired,
    )
    memory_damaged = EventType(
        "device.memory_damaged", "alarm", "watch", "指令记录文件曾损坏", "Its memory of orders was damaged", KeptAs
    )
    mode_ended = EventType(
        "device.mode_ended",
        "alarm",
        "watch",
        "模式到时自动结束",
        "A mode ended by itself: its time was over",
        ModeEnded,
        says=("mode",),
    )
    power_cut = EventType("device.power_cut", "alarm", "watch", "曾经断电", "The power was cut", PowerCut)
    roster_applied = EventType(
        "device.roster_applied", "quiet", "watch", "采用了新名单", "Took a new roster", RosterApplied
    )
    roster_damaged = EventType(
        "device.roster_damaged", "alarm", "watch", "名单曾损坏", "Its roster was damaged", RosterDamaged
    )
    roster_refused = EventType(
        "device.roster_refused", "alarm", "watch", "拒收了一份名单", "Refused a roster", RosterRefused
    )
    started = EventType("device.started", "quiet", "watch", "已启动", "Started", Started)
    stopped = EventType("device.stopped", "quiet", "watch", "已停止", "Stopped")
    unlogged = EventType(
        "device.unlogged", "alarm", "watch", "有事件未能写下", "Events could not be written down", Unlogged
    )


DEVICE_EVENTS = declared_in(DeviceEvents, CommandEvents, EmergencyEvents, ReaderEvents, JournalEvents)
