"""The closed list of reasons a session stops for, each with its words for the person at the socket or post.

OCPP 1.6 knows fewer reasons; ours stands beside the one it is told as.
"""

from enum import StrEnum
from typing import Literal

from contract.reasons import InBothLanguages, Words

OcppReason = Literal["Local", "Remote", "EVDisconnected", "PowerLoss", "EmergencyStop", "DeAuthorized", "Other"]


class Stop(StrEnum):
    """Why a session ended. The value is what stands in events and on the wire."""

    USER = "user"
    CARD = "card"
    REMOTE = "remote"
    QUOTA = "quota"
    TIME_LIMIT = "time_limit"
    ENERGY_LIMIT = "energy_limit"
    FULL = "full"
    PULLED = "pulled"
    NO_LOAD = "no_load"
    OVER_POWER = "over_power"
    OVER_TEMP = "over_temp"
    LEAKAGE = "leakage"
    METER_LOST = "meter_lost"
    RELAY_STUCK = "relay_stuck"
    POWER_LOSS = "power_loss"
    ESTOP = "estop"
    SMOKE = "smoke"
    FIRE = "fire"
    DRILL = "drill"
    OFFLINE_LIMIT = "offline_limit"
    OPERATOR = "operator"
    DEAUTHORIZED = "deauthorized"
    BANK_LOST = "bank_lost"
    CANNOT_RECORD = "cannot_record"


class StopEntry(InBothLanguages, frozen=True):
    """A row of the table: the words of a reason, and the one that OCPP 1.6 has for it."""

    ocpp: OcppReason = "Other"


TABLE: dict[Stop, StopEntry] = {
    Stop.USER: StopEntry(Words("已由本人停止"), Words("Stopped by you"), "Local"),
    Stop.CARD: StopEntry(Words("已刷卡停止"), Words("Stopped with the card"), "Local"),
    Stop.REMOTE: StopEntry(Words("已在手机上停止"), Words("Stopped from the phone"), "Remote"),
    Stop.QUOTA: StopEntry(
        Words("今日额度已用完", "额度每天零点恢复"),
        Words("Today's allotment is used up", "It is renewed at midnight"),
    ),
    Stop.TIME_LIMIT: StopEntry(
        Words("已到最长充电时间", "需要继续请再次刷卡"),
        Words("The longest time is reached", "Tap again if you need more"),
    ),
    Stop.ENERGY_LIMIT: StopEntry(
        Words("已到最大充电量", "需要继续请再次刷卡"),
        Words("The most energy is reached", "Tap again if you need more"),
    ),
    Stop.FULL: StopEntry(
        Words("已充满", "请拔下插头，方便他人"), Words("Full", "Please unplug, somebody may be waiting"), "Local"
    ),
    Stop.PULLED: StopEntry(Words("插头已拔出"), Words("Unplugged"), "EVDisconnected"),
    Stop.NO_LOAD: StopEntry(
        Words("没有检测到用电", "请检查插头和充电器后再刷卡"),
        Words("Nothing draws power", "Check plug and charger, then tap again"),
    ),
    Stop.OVER_POWER: StopEntry(
        Words("功率超过上限", "请换用功率较小的充电器"),
        Words("Too much power", "Use a charger that draws less"),
    ),
    Stop.OVER_TEMP: StopEntry(
        Words("插座过热，已断电", "请勿触摸，已通知物业"),
        Words("The socket is too hot", "Do not touch it; the property office has been told"),
    ),
    Stop.LEAKAGE: StopEntry(
        Words("检测到漏电，已断电", "请勿触摸，已通知物业"),
        Words("Current leaks to earth", "Do not touch it; the property office has been told"),
    ),
    Stop.METER_LOST: StopEntry(
        Words("计量失联，已断电", "请换一个插座"),
        Words("The meter cannot be trusted", "Use another socket"),
    ),
    Stop.RELAY_STUCK: StopEntry(
        Words("继电器粘连，上级已断电", "请换一个插座，已通知物业"),
        Words("The relay does not open", "Use another socket; the property office has been told"),
    ),
    Stop.POWER_LOSS: StopEntry(
        Words("停电中断", "需要继续请再次刷卡"),
        Words("Ended by a power cut", "Tap again if you need more"),
        "PowerLoss",
    ),
    Stop.ESTOP: StopEntry(
        Words("已按下急停", "请等待现场人员复位"),
        Words("Emergency stop pressed", "Wait until somebody on site resets it"),
        "EmergencyStop",
    ),
    Stop.SMOKE: StopEntry(
        Words("检测到烟雾，已断电", "请立即离开"),
        Words("Smoke: the power is off", "Please leave now"),
        "EmergencyStop",
    ),
    Stop.FIRE: StopEntry(
        Words("火警，已断电", "请立即离开"), Words("Fire alarm: the power is off", "Please leave now"), "EmergencyStop"
    ),
    Stop.DRILL: StopEntry(
        Words("消防演练，已断电", "请按现场人员指引"),
        Words("Drill: the power is off", "Please follow the staff"),
        "EmergencyStop",
    ),
    Stop.OFFLINE_LIMIT: StopEntry(
        Words("离线过久，已停止", "请换用其他站点"),
        Words("Offline for too long", "Use another station"),
    ),
    Stop.OPERATOR: StopEntry(
        Words("已由管理员停止", "请联系物业"), Words("Stopped by the staff", "Ask the property office"), "Remote"
    ),
    Stop.DEAUTHORIZED: StopEntry(
        Words("授权已取消", "请联系物业"),
        Words("The card is no longer allowed", "Ask the property office"),
        "DeAuthorized",
    ),
    Stop.BANK_LOST: StopEntry(
        Words("上级电源已断开", "请换一个插座"), Words("The supply of this bank is off", "Use another socket")
    ),
    Stop.CANNOT_RECORD: StopEntry(
        Words("暂时无法记录", "请稍后再试"), Words("This cannot be recorded just now", "Try again shortly")
    ),
}

BY_EMERGENCY = {"smoke": Stop.SMOKE, "estop": Stop.ESTOP, "drill": Stop.DRILL}


def stop_of_emergency(cause: str) -> Stop:
    """The reason for the cause of an emergency. A broken loop is acted upon like a fire, and so is a cause that nobody
    knows."""
    return BY_EMERGENCY.get(cause, Stop.FIRE)


def words(stop: Stop, language: str) -> Words:
    """The words for a reason in ``zh`` or ``en``; any other language reads English."""
    return TABLE[stop].words(language)
