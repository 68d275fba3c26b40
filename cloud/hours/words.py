"""What pages call weekdays and the kinds of special days."""

from collections.abc import Mapping

from cloud.hours.rule import DayKind
from contract.phrases import Phrase

WEEKDAYS: tuple[Phrase, ...] = (
    Phrase("周一", "Mon"),
    Phrase("周二", "Tue"),
    Phrase("周三", "Wed"),
    Phrase("周四", "Thu"),
    Phrase("周五", "Fri"),
    Phrase("周六", "Sat"),
    Phrase("周日", "Sun"),
)
"""Monday first."""

DAY_KINDS: Mapping[DayKind, Phrase] = {
    DayKind.REST: Phrase("休息日", "Day of rest"),
    DayKind.HALF: Phrase("半天", "Half day"),
    DayKind.SHUT: Phrase("关闭", "Shut"),
    DayKind.AS_WEEKDAY: Phrase("按其他星期（调休）", "As another weekday (shifted)"),
}
