"""The panel's words in Chinese; the English ones are the keys. What a station shows comes from the tables of the
contract."""

from contract import reasons, sessions
from contract.kinds import known_kinds, vocabulary

ZH = {
    "Simulated hardware": "模拟硬件",
    "Invented people, simulated doors. Nothing here opens anything.": "人是虚构的，门是模拟的，不会真的打开任何东西。",
    "Your card": "手中的卡",
    "Pick a card, then hold it to a reader.": "先选一张卡，再到读卡器上刷。",
    "Walk through after tapping": "刷卡后走过去",
    "Its PIN, keyed behind it": "刷卡后输入的密码",
    "A pass, plate or code": "通行码、车牌或代码",
    "Scan": "扫码",
    "Key it in": "输入代码",
    "what is typed": "下面输入的内容",
    "For scanner and keypad": "给扫码器和键盘",
    "Choose or type a code of digits first.": "请先选择或输入数字代码。",
    "It was scanned.": "已扫码。",
    "It was scanned; nobody walked through.": "已扫码，没有人走过去。",
    "Unplug the scanner of {reader}": "拔掉 {reader} 的扫码器",
    "Plug in the scanner of {reader}": "插回 {reader} 的扫码器",
    "Card": "卡",
    "{card} at {reader}": "{card}，{reader}",
    "Tap": "刷卡",
    "in": "进",
    "out": "出",
    "Push without a card: {point}": "不刷卡硬推：{point}",
    "Walk out of {point}": "从 {point} 走出去",
    "Push without a card": "不刷卡硬推",
    "Walk out": "走出去",
    "Press the exit button of {point}": "按 {point} 的出门按钮",
    "Exit button": "出门按钮",
    "Fire alarm of {zone}": "{zone} 火警",
    "Fire alarm": "火警",
    "Turn the reset key of {zone}": "转动复位钥匙：{zone}",
    "Turn the reset key": "转动复位钥匙",
    "Blow smoke into the detector": "向烟感吹烟",
    "Let the smoke clear": "让烟散去",
    "Press the emergency stop": "拍下急停按钮",
    "Twist the emergency stop out": "旋出急停按钮",
    "Drill: the way is free until it ends.": "消防演练：可自由通行，直到演练结束。",
    "Broken fire loop: the way is free until a reset.": "火警线断线：可自由通行，接好并复位后恢复。",
    "Emergency stop: the way is free until a reset.": "已按急停：可自由通行，复位后恢复。",
    "Smoke: the way is free until a reset.": "烟感报警：可自由通行，复位后恢复。",
    "Cause a fault": "模拟故障",
    "Force it open": "强行闯入",
    "Hold the door": "扶住门",
    "Release the door": "松手",
    "Jam the arm": "卡住闸杆",
    "Free the arm": "松开闸杆",
    "Make the exit button stick": "让出门按钮卡住",
    "Repair the exit button": "修好出门按钮",
    "Break the fire loop's wire": "剪断火警线",
    "Mend the fire loop's wire": "接好火警线",
    "Swap the wires of {reader}": "接反 {reader} 的线",
    "Put the wires of {reader} right": "接正 {reader} 的线",
    "Something to plug in": "手边的电器",
    "Phone": "手机",
    "Fast-charging phone": "快充手机",
    "Power bank": "充电宝",
    "Lithium e-bike": "锂电电动车",
    "Lead-acid e-bike": "铅酸电动车",
    "Heater": "电暖器",
    "Charger without a device": "空充电头",
    "Plug in": "插上",
    "Plug in at {point}": "插上 {point}",
    "Unplug": "拔下",
    "Unplug {point}": "拔下 {point} 的插头",
    "Charge of the device at {point}": "{point} 上的电量",
    "Plug in a car at {point}": "插上：把车接到 {point}",
    "Pull its network cable": "拔掉它的网线",
    "Put its network cable back": "插回它的网线",
    "Cut its power": "断它的电",
    "Restore its power": "恢复它的电",
    "Set its clock an hour back": "把它的时钟拨慢一小时",
    "Set its clock right": "校准它的时钟",
    "No car": "没有车",
    "Car": "汽车",
    "no network": "网络断开",
    "no power": "无电",
    "{who} was refused by the post.": "充电桩拒绝了 {who}。",
    "A post reads charging cards only; choose one first.": "充电桩只能读充电卡，请先拿一张充电卡。",
    "Nothing plugged in": "未插电器",
    "Supply on": "供电已接通",
    "Supply off": "供电已断开",
    "welded": "触点粘连",
    "stuck open": "触点卡在断开",
    "burnt open": "触点烧断",
    "Bad contact": "接触不良",
    "New, cold contact": "换上新触点，冷却",
    "Weld the contact": "让触点粘连",
    "Keep the contact open": "让触点吸合不上",
    "Fit a new relay": "换新继电器",
    "Leakage": "漏电",
    "No leakage": "漏电消除",
    "Stop the meter's answers": "让电表停止应答",
    "Restore the meter's answers": "电表恢复应答",
    "Freeze the meter": "让电表读数卡住",
    "Unfreeze the meter": "电表恢复测量",
    "Halve the meter's readings": "让电表少报一半",
    "Correct the meter's readings": "电表读数恢复正确",
    "Emergency: no power until a reset.": "应急断电：复位后恢复。",
    "Network cable": "网线",
    "Agent": "代理程序",
    "Keeper": "守护程序",
    "plugged in": "已接通",
    "pulled": "已拔掉",
    "Waiting for the cloud": "待上传",
    "Events in the journal": "日志条数",
    "Cloud": "云端",
    "connected": "已连接",
    "cut off": "已断开",
    "unknown": "未知",
    "Outputs": "输出",
    "at rest": "静止",
    "driven": "已驱动",
    "locked": "已锁",
    "unlocked": "已开锁",
    "open": "开着",
    "jammed": "卡住了",
    "arm dropped": "闸杆已落下",
    "no board": "电路板不在",
    "Passed in": "进入",
    "Passed out": "离开",
    "Live": "实时",
    "Not live": "不是实时",
    "Connecting": "正在连接",
    "Hold a card to the reader": "请刷卡",
    "The agent is down: no decisions are made here. Fire still releases.": "代理程序已停：此门不做决定；火警仍会放行。",
    "Emergency: the way is free.": "应急放行：可自由通行。",
    "Emergency: the way is free until the reset key is turned.": "应急放行：可自由通行，转动复位钥匙后恢复。",
    "The keeper is down: the pins are at rest.": "守护程序已停：所有引脚处于静止。",
    "{who} walked through.": "{who} 走过去了。",
    "{who} stayed outside.": "{who} 被挡在外面。",
    "{who} was read.": "已读 {who}。",
    "Unlocked {ms} ms after the card's last bit.": "最后一位之后 {ms} 毫秒开锁。",
    "Somebody walked through: the way was free.": "有人走过去了：通道是开着的。",
    "It was unlocked before this tap.": "这次刷卡之前门已经开着。",
    "The way was locked.": "走不过去。",
    "Done.": "完成。",
    "This board does not answer.": "这块电路板没有回应。",
    "There is no such device.": "没有这台设备。",
    "Something went wrong; try again.": "出错了，请再试一次。",
    "The drawings move with JavaScript; the buttons work without it.": "图画需要 JavaScript 才会动；按钮不需要。",
}

THINGS = {
    "phone": "Phone",
    "phone_fast": "Fast-charging phone",
    "power_bank": "Power bank",
    "ebike_lithium": "Lithium e-bike",
    "ebike_lead": "Lead-acid e-bike",
    "heater": "Heater",
    "nothing": "Charger without a device",
}
"""What there is to plug in, and its name."""


def sentences(language: str) -> dict[str, str]:
    """Every sentence of the panel in ``en`` or ``zh`` by its English, with its places for values."""
    return ZH if language == "zh" else {text: text for text in ZH}


def say(text: str, language: str, **values: object) -> str:
    """One of the sentences with its values. Raises ``KeyError`` for one that has no Chinese."""
    return sentences(language)[text].format(**values)


def point_name(point: str, language: str) -> str:
    """What people call a point that the wiring names after its class or kind; another one is called as there."""
    what, _, which = point.partition("-")
    nouns = {**vocabulary().classes} | {kind.name: kind.noun for kind in known_kinds().values()}
    return f"{nouns[what].one.in_language(language)} {which.upper()}" if what in nouns and which else point


def shown_words(language: str) -> dict[str, str]:
    """Every text that a station may show, by its id."""
    separator = "。" if language == "zh" else ". "
    shown = {stop.value: sessions.words(stop, language) for stop in sessions.TABLE}
    shown |= {reason.value: reasons.words(reason, language) for reason in reasons.TABLE}
    return {name: separator.join(filter(None, (words.text, words.remedy))) for name, words in shown.items()} | {
        name: text.in_language(language) for name, text in vocabulary().texts.items()
    }
