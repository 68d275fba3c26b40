"""The words for what a device says of itself: its faults, what it shows, and the families of its events."""

from collections.abc import Mapping
from typing import Literal

from contract.phrases import Phrase

DeviceFault = Literal[
    "agent",
    "bad_lease",
    "bus",
    "certificate",
    "clock",
    "clock_file",
    "commands",
    "config",
    "decisions",
    "disk",
    "disk_low",
    "emergency",
    "fire_loop",
    "internal_error",
    "journal_full",
    "keeper",
    "keeper_wiring",
    "latch",
    "link",
    "memory",
    "meter",
    "no_such_output",
    "no_such_point",
    "ocpp",
    "reader_noisy",
    "readings",
    "roster",
    "roster_age",
    "roster_pages",
    "scanner",
    "thermometer",
    "uplink",
    "wiring",
]
"""What may be wrong with a device: with its program, its machine, its line, and the instruments on its buses."""
DEVICE_FAULTS: Mapping[str, Phrase] = {
    "agent": Phrase("程序出错", "Errors in the program"),
    "bad_lease": Phrase("输出的时限不合规定", "An output was requested for a time that is not allowed"),
    "bus": Phrase("仪表总线没有应答", "A meter bus does not answer"),
    "certificate": Phrase("证书即将到期或已到期", "Its certificate expires soon, or has expired"),
    "clock": Phrase("不信任云端时间", "Rejects the cloud's time"),
    "clock_file": Phrase(
        "时间文件曾损坏：设备时钟可能慢很多", "The clock file was damaged: the clock may be far behind"
    ),
    "commands": Phrase("拒绝了不该执行的指令", "Refused invalid commands"),
    "config": Phrase("拒绝了一份配置", "Refused a configuration"),
    "decisions": Phrase("判断时出错", "Errors in access decisions"),
    "disk": Phrase("磁盘写不进去", "The disk cannot be written"),
    "disk_low": Phrase("存储卡将满", "The disk is nearly full"),
    "emergency": Phrase("所在区域有警情", "Emergency in its zone"),
    "fire_loop": Phrase("火警线断线：按火警处理", "Fire loop broken: treated as a fire"),
    "internal_error": Phrase("设备内部故障", "Internal error of the device"),
    "journal_full": Phrase("设备日志将满：云端没有接收", "The journal is nearly full: the cloud accepts nothing"),
    "keeper": Phrase("守护程序未运行", "The keeper process is not running"),
    "keeper_wiring": Phrase("守护程序使用的是另一份接线", "The keeper process uses another wiring"),
    "latch": Phrase("重启后会忘记紧急情况", "An emergency would be forgotten at a restart"),
    "link": Phrase("收到过大而无法接收的消息", "Received messages that are too large"),
    "memory": Phrase("充电会话的记录无法写入", "Session data cannot be written"),
    "meter": Phrase("电表没有应答", "A meter does not answer"),
    "no_such_output": Phrase("请求了它没有的输出", "An output that does not exist was requested"),
    "no_such_point": Phrase("提到了它没有的点位", "A point that does not exist was named"),
    "ocpp": Phrase("充电桩连不上它", "Cannot be reached by charging posts"),
    "reader_noisy": Phrase(
        "读卡器发送杂乱信号，或有人在逐张试卡", "A reader sends noise, or somebody tries card after card"
    ),
    "readings": Phrase("读取仪表时出错", "Errors while reading instruments"),
    "roster": Phrase("拒收了一份名单", "Roster refused"),
    "roster_age": Phrase(
        "名单已超过 24 小时未更新：收不到云端消息", "The roster is more than 24 hours old: no contact with the cloud"
    ),
    "roster_pages": Phrase("名单有部分损坏", "Part of the roster is damaged"),
    "scanner": Phrase("扫码器或车牌相机没有连接", "A scanner or camera is not connected"),
    "thermometer": Phrase("温度计没有应答", "A thermometer does not answer"),
    "uplink": Phrase("与云端的线路有问题", "Errors on the connection to the cloud"),
    "wiring": Phrase(
        "已应用的接线文件损坏，使用设备自己的文件", "The applied wiring is damaged; the device's own file is used"
    ),
}

DEVICE_TEXTS: Mapping[str, Phrase] = {
    "alarm_still_on": Phrase("报警未解除，不能复位", "The alarm is still on: nothing is reset"),
    "codes_wait": Phrase("暂不接受代码，请稍候再输，或刷卡", "No code is taken now: wait a while, or show a card"),
    "enrol_again": Phrase("请再刷一次同一张卡", "Hold the same card here once more"),
    "enrol_other": Phrase("不是同一张卡，请从头登记", "This is another card: begin again"),
    "enrol_read": Phrase("卡已读取", "The card has been read"),
    "enter_pin": Phrase("请输入密码，然后按 #", "Enter your PIN, then #"),
    "no_pin_asked": Phrase("这里现在不需要密码；输入代码请先按 *", "No PIN is asked here now; before a code press *"),
}
"""What a device itself shows to the person at one of its points."""

DEVICE_FAMILIES: Mapping[str, Phrase] = {
    "command": Phrase("远程指令", "Remote commands"),
    "device": Phrase("设备", "Device"),
    "emergency": Phrase("紧急情况", "Emergencies"),
    "journal": Phrase("丢失的记录", "Lost events"),
    "reader": Phrase("读卡器", "Readers"),
}
