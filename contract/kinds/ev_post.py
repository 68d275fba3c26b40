"""A connector of a charging post for cars, which speaks OCPP and measures by itself."""

from typing import Literal

from contract.archetypes import SessionKind
from contract.event_types import event
from contract.phrases import Noun, Phrase

Phase = Literal["free", "starting", "charging", "stopping", "absent", "faulted", "emergency"]
Fault = Literal[
    "clock_off",
    "disobeys",
    "kept_unreadable",
    "meter_doubted",
    "nonsense_connector",
    "nonsense_frame",
    "nonsense_power",
    "nonsense_start",
    "nonsense_status",
    "nonsense_transaction",
    "post_faulted",
    "silent",
    "stray_power",
    "will_not_stop",
    "wrong_password",
    "wrong_protocol",
]
Text = Literal["starting", "waiting"]


class EvPost(SessionKind[Phase, Fault, Text]):
    """What a post records beside what everything does that is used for a while.

    ``times`` is how often something came again since it was last recorded.
    """

    @event("ev_post.began", "quiet", "value", "充电桩开始一笔充电", "Post started a transaction")
    def began(
        self, transaction: str, post_at_ms: int | None, heard_ms: int, offset_ms: int, session: str, told: str
    ) -> None:
        """A transaction, with the post's own time beside ours. ``session`` is empty of one that nobody is served for,
        and ``told`` what the post was answered."""

    @event("ev_post.not_begun", "bad", "value", "充电桩未能开始充电", "Post did not start")
    def not_begun(self, session: str, why: str) -> None:
        """Why the session came to nothing."""

    @event("ev_post.late_end", "quiet", "value", "充电桩补报了一次充电的电量", "Post reported a session's energy late")
    def late_end(self, session: str, energy_wh: float) -> None:
        """What it drew in all."""

    @event(
        "ev_post.unknown_end",
        "quiet",
        "value",
        "充电桩结束了一笔从未开始的充电",
        "Post ended a transaction that it never started",
    )
    def unknown_end(self, transaction: str, post_at_ms: int | None, heard_ms: int, meter_wh: float | None) -> None:
        """A transaction, with the post's own time beside ours, and where its meter stood."""

    @event(
        "ev_post.unbooked",
        "alarm",
        "value",
        "充电桩供出了不属于任何充电的电量",
        "Post delivered energy outside any session",
    )
    def unbooked(self, transaction: str, digest: str, energy_wh: float) -> None:
        """Under which card, by the post, and how much."""

    @event("ev_post.meter_doubted", "bad", "value", "充电桩电表读数不可能成立", "Impossible reading of a post's meter")
    def meter_doubted(self, session: str, why: str) -> None:
        """What cannot be, by its word."""

    @event("ev_post.booted", "quiet", "value", "充电桩启动", "Post started")
    def booted(self, vendor: str, model: str, firmware: str, times: int = ...) -> None:
        """What the post says that it is."""

    @event("ev_post.replaced", "quiet", "value", "充电桩重新连接", "Post connected again")
    def replaced(self, version: str, times: int = ...) -> None:
        """The version of OCPP that it speaks."""

    @event("ev_post.configured", "quiet", "value", "充电桩已配置", "Post configured")
    def configured(self, refused: list[str], times: int = ...) -> None:
        """``refused`` are the keys that the post did not take."""


NOUN = Noun(Phrase("充电桩", "Charging post"), Phrase("汽车充电桩", "Charging posts"))

EV_POST = KIND = EvPost(
    "ev_post",
    NOUN,
    classes={"ev": NOUN},
    phases={
        "free": Phrase("空闲", "free"),
        "starting": Phrase("正在启动", "starting"),
        "charging": Phrase("充电中", "charging"),
        "stopping": Phrase("正在停止", "stopping"),
        "absent": Phrase("未连接", "not connected"),
        "faulted": Phrase("不可用", "out of order"),
        "emergency": Phrase("紧急情况", "emergency"),
    },
    faults={
        "clock_off": Phrase("充电桩时钟不准", "The post's clock is wrong"),
        "disobeys": Phrase("充电桩不执行命令", "The post does not carry out commands"),
        "kept_unreadable": Phrase("保存的充电记录无法读取", "The stored session cannot be read"),
        "meter_doubted": Phrase("电表读数不可能成立", "Impossible meter reading"),
        "nonsense_connector": Phrase("充电桩提到它没有的充电枪", "The post names a connector that it does not have"),
        "nonsense_frame": Phrase("充电桩发来的报文无法理解", "The post sends messages that cannot be read"),
        "nonsense_power": Phrase("充电桩报告的功率超出其能力", "The post reports more power than it can deliver"),
        "nonsense_start": Phrase(
            "充电桩报告开始充电，却没有时间或电表读数", "The post reports a start without time or meter reading"
        ),
        "nonsense_status": Phrase("充电桩报告的状态不存在", "The post reports a status that does not exist"),
        "nonsense_transaction": Phrase("充电桩报告的充电记录无效", "The post reports an invalid transaction"),
        "post_faulted": Phrase("充电桩自报故障", "The post reports a fault"),
        "silent": Phrase("充电桩无应答", "The post does not answer"),
        "stray_power": Phrase("无人充电却有功率", "Power flows without a session"),
        "will_not_stop": Phrase("充电桩不停止充电", "The post does not stop"),
        "wrong_password": Phrase(
            "有设备以该充电桩的名义用错误的密码连接", "A device connects under the post's name with a wrong password"
        ),
        "wrong_protocol": Phrase(
            "充电桩已连接，但不支持本系统使用的 OCPP 版本",
            "The post offers no version of OCPP that is supported here",
        ),
    },
    texts={
        "starting": Phrase("请插上充电器", "Plug in now"),
        "waiting": Phrase("已排队，轮到时会通知您", "You are in the queue; you will be told"),
    },
)
