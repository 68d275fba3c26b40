"""A charging socket: a relay behind a meter, for a phone or an e-bike."""

from typing import Literal

from contract.archetypes import SessionKind
from contract.event_types import event
from contract.phrases import Phrase, noun

Phase = Literal["free", "starting", "charging", "checking", "finished", "faulted", "emergency"]
Fault = Literal[
    "bank_lost",
    "kept_unreadable",
    "leakage",
    "meter_lost",
    "over_temp",
    "power_persists",
    "relay_open",
    "relay_stuck",
    "thermometer_lost",
]
Text = Literal["starting", "charging", "checking", "hot", "idle", "waiting", "fault_cleared"]


class Socket(SessionKind[Phase, Fault, Text]):
    """What a socket records beside what everything does that is used for a while."""

    @event("session.warned", "alarm", "value", "插座温度偏高", "The socket is getting hot")
    def warned(self, session: str, what: str, temperature_c: float) -> None:
        """It is not yet too hot to go on."""


SOCKET = KIND = Socket(
    "socket",
    noun("插座", "Socket", "Sockets"),
    classes={
        "phone": noun("手机插座", "Phone socket", "Phone sockets"),
        "ebike": noun("电动车插座", "E-bike socket", "E-bike sockets"),
    },
    phases={
        "free": Phrase("空闲", "free"),
        "starting": Phrase("正在启动", "starting"),
        "charging": Phrase("充电中", "charging"),
        "checking": Phrase("正在确认是否仍是同一负载", "checking whether the load is the same"),
        "finished": Phrase("已充完，尚未拔出", "finished, still plugged in"),
        "faulted": Phrase("不可用", "out of order"),
        "emergency": Phrase("紧急情况", "emergency"),
    },
    faults={
        "bank_lost": Phrase("上级电源已断开", "The supply of its bank is off"),
        "kept_unreadable": Phrase("保存的充电记录无法读取", "The stored session cannot be read"),
        "leakage": Phrase("检测到漏电", "Current leaks to earth"),
        "meter_lost": Phrase("计量不可信", "The meter cannot be trusted"),
        "over_temp": Phrase("温度过高", "Too hot"),
        "power_persists": Phrase("上级已断开，仍有功率", "Power flows though the supply is cut"),
        "relay_open": Phrase("继电器不吸合，或没有插入设备", "The relay does not close, or nothing is plugged in"),
        "relay_stuck": Phrase("继电器粘连", "The relay does not open"),
        "thermometer_lost": Phrase("温度传感器无读数", "The thermometer does not answer"),
    },
    texts={
        "starting": Phrase("请插上充电器", "Plug in now"),
        "charging": Phrase("充电中", "Charging"),
        "checking": Phrase("中断后检查中", "Checking after an interruption"),
        "hot": Phrase("插座温度偏高", "The socket is getting hot"),
        "idle": Phrase("充电已结束，请让出插座", "Charging has ended: please free the socket"),
        "waiting": Phrase("已排队，轮到时会通知您", "You are in the queue; you will be told"),
        "fault_cleared": Phrase("故障已清除", "The fault is cleared"),
    },
)
