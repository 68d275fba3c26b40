"""What an operator may order of a device: one table for the cloud that issues commands and the devices that carry
them out.

A new command is a row of this table, and the place where it is carried out: a station for a command to a point, the
device's program for one to the device or to a zone. Its words, who may issue it and where it is offered come from here.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from contract.archetypes import AnyKind, Archetype
from contract.decide import Direction
from contract.messages import CommandId, Name, Time
from contract.phrases import Phrase
from contract.reasons import TABLE
from contract.sealing import DIGEST_BYTES, KEY_BYTES

Scope = Literal["point", "device", "zone"]
"""What a command is for. One to a zone goes to each of the zone's devices."""
CommandRight = Literal["doors", "devices", "people"]
"""What an operator may: use points, look after devices, or change people and their cards."""
MAX_ENROL_MS = 300_000
"""The longest that a reader waits for a card that is to be enrolled."""


class NoArgs(Struct, frozen=True):
    """Nothing has to be said beside the command."""


class SessionStartArgs(Struct, frozen=True):
    """The credential that the session is to begin with, as its digest in hex."""

    digest: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{{2 * DIGEST_BYTES}}}\Z")]


class SessionStopArgs(Struct, frozen=True):
    """The session that is to end: one that has begun since is not meant."""

    session: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]


class DrillArgs(Struct, frozen=True):
    """Whether a drill begins or ends, and in which zone."""

    zone: Name
    on: bool


class ClockSetArgs(Struct, frozen=True):
    """The right time, UTC milliseconds."""

    now_ms: Time


class EnrolArgs(Struct, frozen=True):
    """At which of the point's readers the card is held, the public key (X25519, in hex) that its number is sealed to,
    and for how long the reader waits for it, from when the device begins."""

    key: Annotated[str, Meta(pattern=rf"^[0-9a-f]{{{2 * KEY_BYTES}}}\Z")]
    window_ms: Annotated[int, Meta(ge=1_000, le=MAX_ENROL_MS)]
    reader: Direction = "in"


class EnrolCancelArgs(Struct, frozen=True):
    """The command whose enrolment is to end."""

    enrolment: CommandId


class WrongArgs(ValueError):
    """The arguments of a command are not what its row of the table says. The text says what is wrong."""


ALWAYS_REFUSED: Mapping[str, Phrase] = {
    "busy": Phrase("等待的人太多", "too many people are waiting"),
    "cannot_record": Phrase("磁盘无法写入", "its disk cannot be written"),
    "clock_unset": Phrase("设备时钟未校准", "its clock is not set"),
    "expired": Phrase("到达太迟", "it arrived too late"),
    "internal_error": Phrase("设备内部错误", "internal error of the device"),
    "not_understood": Phrase("软件版本过旧", "its software is too old"),
    "restarted": Phrase("设备在执行中重启", "the device restarted meanwhile"),
    "too_old": Phrase("到达太迟", "it arrived too late"),
    "wrong_connection": Phrase("设备已换了连接", "the device has reconnected since"),
}
"""Why a device may not do any command at all."""
NOT_HERE: Mapping[str, Phrase] = {
    "no_such_point": Phrase("该设备没有这个门", "it has no such point"),
    "not_this_kind": Phrase("它不是可以打开的设备", "this point has no such command"),
}
"""Why a command to a point may not be for this one."""
CANNOT_MOVE: Mapping[str, Phrase] = {
    "emergency": Phrase("紧急状态，通道已放行", "an emergency has released it"),
    "keeper_lost": Phrase("守护程序未运行", "its keeper process is not running"),
}
"""Why nothing moves on an operator's word at this moment."""


class CommandType(Struct, frozen=True, kw_only=True):
    """The declaration of a command. ``words`` name it where it is offered and listed, ``audit`` says who has done what.

    A command to a point is for kinds of these ``archetypes`` only. If it ``moves`` something it is refused in an
    emergency, and where nobody keeps the pins. ``refusals`` are the words for why a device does not do it, beside those
    that any command may meet; of these, ``wrong_args`` is said of arguments that are none, and ``nothing_done`` where
    the point finds nothing to do. It may take ``lasts_ms`` from its beginning until its result is there. One that is
    not ``offered`` is issued by the use case that it is a part of, and never as it is by an operator.
    """

    op: str
    scope: Scope
    right: CommandRight
    words: Phrase
    audit: Phrase
    args: type[Struct] = NoArgs
    archetypes: frozenset[Archetype] = frozenset()
    moves: bool = False
    wrong_args: str = "not_understood"
    nothing_done: str = "not_this_kind"
    refusals: Mapping[str, Phrase] = {}
    lasts_ms: int = 0
    offered: bool = True

    def __post_init__(self) -> None:
        if (self.scope == "point") != bool(self.archetypes):
            raise ValueError(f"{self.op}: a command to a point says which archetypes have it, and no other does")
        unsaid = {self.wrong_args, *([self.nothing_done] if self.scope == "point" else [])} - self.all_refusals.keys()
        if unsaid:
            raise ValueError(f"{self.op} has no words for {', '.join(sorted(unsaid))}")

    @property
    def all_refusals(self) -> Mapping[str, Phrase]:
        """The words for every reason for which it may not be done."""
        here = NOT_HERE if self.scope == "point" else {}
        return {**ALWAYS_REFUSED, **here, **(CANNOT_MOVE if self.moves else {}), **self.refusals}

    def is_for(self, kind: AnyKind) -> bool:
        """Whether a point of this kind can be ordered to do it: the one rule for the cloud and its devices."""
        return kind.archetype in self.archetypes

    @property
    def arg_names(self) -> tuple[str, ...]:
        return self.args.__struct_fields__

    def read_args(self, args: Mapping[str, Any], *, typed: bool = True) -> Struct:
        """The arguments, typed and within their bounds; those that are not ``typed`` are texts of a form. Raises
        ``WrongArgs``."""
        try:
            return msgspec.convert(args, self.args, strict=typed)
        except msgspec.ValidationError as wrong:
            raise WrongArgs(f"{self.op}: {wrong}") from None


_RULE: Mapping[str, Phrase] = {reason.value: Phrase(entry.zh.text, entry.en.text) for reason, entry in TABLE.items()}
"""What the rule says of somebody who asks with a card."""

_DECLARED = (
    CommandType(
        op="open_once",
        scope="point",
        right="doors",
        words=Phrase("开一次", "Open once"),
        audit=Phrase("远程开门", "Opened a door remotely"),
        archetypes=frozenset({"portal"}),
        moves=True,
        refusals={
            "faulted": Phrase("设备故障", "it is out of order"),
            "held_open": Phrase("该门为常开", "it is held open"),
            "interlocked": Phrase("互锁的另一道门还开着", "the other door of its interlock is open"),
            "locked_down": Phrase("该门已紧急封闭", "it is locked down"),
            "out_of_service": Phrase("该门暂停使用", "it is out of service"),
        },
    ),
    CommandType(
        op="session_start",
        scope="point",
        args=SessionStartArgs,
        right="doors",
        words=Phrase("开始使用", "Start a session"),
        audit=Phrase("远程开始使用", "Started a session remotely"),
        archetypes=frozenset({"session"}),
        moves=True,
        wrong_args="bad_digest",
        refusals={**_RULE, "bad_digest": Phrase("这不是一张卡", "that is not a card")},
    ),
    CommandType(
        op="session_stop",
        scope="point",
        args=SessionStopArgs,
        right="doors",
        words=Phrase("结束使用", "Stop the session"),
        audit=Phrase("远程结束使用", "Stopped a session remotely"),
        archetypes=frozenset({"session"}),
        wrong_args="no_such_session",
        nothing_done="no_such_session",
        refusals={"no_such_session": Phrase("那次使用已结束", "that session has ended")},
    ),
    CommandType(
        op="drill",
        scope="zone",
        args=DrillArgs,
        right="doors",
        words=Phrase("消防演练", "Fire drill"),
        audit=Phrase("开始或结束消防演练", "Started or ended a fire drill"),
        wrong_args="no_such_zone",
        refusals={
            **CANNOT_MOVE,
            "no_drill": Phrase("没有正在进行的演练", "there is no drill"),
            "no_such_zone": Phrase("该区域没有接火警信号", "no fire input of that zone is wired to it"),
        },
    ),
    CommandType(
        op="enrol",
        scope="point",
        args=EnrolArgs,
        right="people",
        words=Phrase("读卡登记", "Enrol a card by tap"),
        audit=Phrase("开始读卡登记", "Began an enrolment at a reader"),
        archetypes=frozenset({"portal", "session", "box", "till"}),
        refusals={
            "cancelled": Phrase("已取消", "it was cancelled"),
            "enrolling": Phrase("该读卡器正在登记另一张卡", "another enrolment is open at this reader"),
            "keeper_lost": CANNOT_MOVE["keeper_lost"],
            "no_card": Phrase("时限内没有刷卡两次", "no card was held there twice in time"),
            "no_reader": Phrase("该点位没有这个读卡器", "this point has no such reader"),
            "two_cards": Phrase("两次刷的不是同一张卡", "two different cards were held there"),
        },
        lasts_ms=MAX_ENROL_MS,
        offered=False,
    ),
    CommandType(
        op="enrol_cancel",
        scope="point",
        args=EnrolCancelArgs,
        right="people",
        words=Phrase("取消读卡登记", "Cancel an enrolment"),
        audit=Phrase("取消读卡登记", "Cancelled an enrolment at a reader"),
        archetypes=frozenset({"portal", "session", "box", "till"}),
        nothing_done="no_enrolment",
        refusals={"no_enrolment": Phrase("那次登记已结束", "that enrolment has ended")},
        offered=False,
    ),
    CommandType(
        op="send_log",
        scope="device",
        right="devices",
        words=Phrase("调取日志", "Fetch the log"),
        audit=Phrase("调取设备日志", "Fetched a device's log"),
    ),
    CommandType(
        op="clock_set",
        scope="device",
        args=ClockSetArgs,
        right="devices",
        words=Phrase("按云端校准时钟", "Set the clock from the cloud"),
        audit=Phrase("校准设备时钟", "Set a device's clock"),
        wrong_args="bad_time",
        refusals={"bad_time": Phrase("时间不正确", "that is not a time")},
    ),
    CommandType(
        op="reboot",
        scope="device",
        right="devices",
        words=Phrase("重启设备", "Restart the device"),
        audit=Phrase("指令重启", "Restarted a device"),
        refusals={"cannot_reboot": Phrase("未配置重启方式", "no way to restart it is configured")},
    ),
)
COMMANDS = {command.op: command for command in _DECLARED}
"""Every command, by what it is called on the wire."""


def refusal_words(op: str, why: str) -> Phrase | None:
    """The words for why a command was not done; None for a word that this software does not know."""
    refusals = COMMANDS[op].all_refusals if op in COMMANDS else ALWAYS_REFUSED
    return refusals.get(why)
