"""The closed list of reasons a decision may give, each with its words for the person at the door."""

from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    """Why a request was allowed or refused. The value is what stands in events and on the wire."""

    ALLOWED = "allowed"
    FREE_EXIT = "free_exit"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    SUSPENDED = "suspended"
    REPORTED_LOST = "reported_lost"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    NOT_ENTITLED = "not_entitled"
    OUTSIDE_HOURS = "outside_hours"
    CLOCK_UNSET = "clock_unset"
    ROSTER_STALE = "roster_stale"
    NO_ROSTER = "no_roster"
    BUSY = "busy"
    FAULTED = "faulted"
    CANNOT_RECORD = "cannot_record"
    INTERNAL_ERROR = "internal_error"
    HELD_OPEN = "held_open"
    LOCKED_DOWN = "locked_down"
    OUT_OF_SERVICE = "out_of_service"
    ROSTER_DAMAGED = "roster_damaged"
    OFFLINE_TOO_LONG = "offline_too_long"
    QUOTA_SPENT = "quota_spent"
    USAGE_UNKNOWN = "usage_unknown"
    RESERVED = "reserved"
    QUOTA_ELSEWHERE = "quota_elsewhere"
    BARRED = "barred"
    NOT_QUALIFIED = "not_qualified"
    SURPLUS = "surplus"
    PIN_NEEDED = "pin_needed"
    PIN_WRONG = "pin_wrong"
    PIN_BLOCKED = "pin_blocked"
    ASSURANCE_TOO_LOW = "assurance_too_low"
    INTERLOCKED = "interlocked"
    OVERRIDE = "override"
    ALL_IN_USE = "all_in_use"
    ALREADY_INSIDE = "already_inside"
    NOT_INSIDE = "not_inside"
    ZONE_FULL = "zone_full"
    ZONE_AT_LIMIT = "zone_at_limit"
    PASS_MALFORMED = "pass_malformed"
    PASS_WRONG_KEY = "pass_wrong_key"
    PASS_BAD_SIGNATURE = "pass_bad_signature"
    PASS_WRONG_SITE = "pass_wrong_site"
    PASS_TOO_LONG = "pass_too_long"
    PASS_CLOCK_UNSET = "pass_clock_unset"
    PASS_NOT_YET = "pass_not_yet"
    PASS_EXPIRED = "pass_expired"
    PASS_REVOKED = "pass_revoked"
    PASS_BAD_PROOF = "pass_bad_proof"
    PASS_STALE = "pass_stale"
    PASS_AHEAD = "pass_ahead"
    PASS_REPLAYED = "pass_replayed"
    PASS_USED_UP = "pass_used_up"


class Words(Struct, frozen=True):
    """One language's text for a reason: what happened; then what the person can do about it, and whom to ask."""

    text: str
    remedy: str = ""


class InBothLanguages(Struct, frozen=True):
    """What a person reads, in Chinese and in English."""

    zh: Words
    en: Words

    def words(self, language: str) -> Words:
        """The words in ``zh`` or ``en``; any other language reads English."""
        return self.zh if language.startswith("zh") else self.en


class ReasonEntry(InBothLanguages, frozen=True):
    """A row of the table: the words of a reason, and whether it opens."""

    allows: bool = False


TABLE: dict[Reason, ReasonEntry] = {
    Reason.ALLOWED: ReasonEntry(Words("欢迎"), Words("Welcome"), allows=True),
    Reason.FREE_EXIT: ReasonEntry(Words("请通行"), Words("Goodbye"), allows=True),
    Reason.UNKNOWN_CREDENTIAL: ReasonEntry(
        Words("未登记，无法识别", "请核对后再试，或到物业登记"),
        Words("Not known here", "Check it and try again, or have the property office enrol it"),
    ),
    Reason.SUSPENDED: ReasonEntry(
        Words("会员资格已暂停", "请联系物业恢复"),
        Words("This membership is suspended", "The property office can restore it"),
    ),
    Reason.REPORTED_LOST: ReasonEntry(
        Words("此卡已挂失", "找回了卡？请到物业解除挂失"),
        Words("This card was reported lost", "Found it? The property office can clear the report"),
    ),
    Reason.NOT_YET_VALID: ReasonEntry(
        Words("尚未生效", "请在生效日期之后再来，或向物业询问"),
        Words("Not valid yet", "Come back from its first day, or ask the property office"),
    ),
    Reason.EXPIRED: ReasonEntry(
        Words("会员资格已到期", "请到物业续期"),
        Words("This membership has ended", "Renew it at the property office"),
    ),
    Reason.NOT_ENTITLED: ReasonEntry(
        Words("此处不在您的权限内", "如有需要请联系物业"),
        Words("This place is not in the membership", "Ask the property office if you need it"),
    ),
    Reason.OUTSIDE_HOURS: ReasonEntry(
        Words("现在不在开放时间", "请在开放时间内再来，或向物业询问"),
        Words("Outside your hours here", "Come back within the hours, or ask the property office"),
    ),
    Reason.CLOCK_UNSET: ReasonEntry(
        Words("设备时钟未校准", "请稍候再试，或联系值班人员"),
        Words("The clock of this device is not set", "Try again in a minute, or call the desk"),
    ),
    Reason.ROSTER_STALE: ReasonEntry(
        Words("此处离线过久", "请到有人值守之处，或联系值班人员"),
        Words("This device has been offline too long", "Go where somebody is on duty, or call the desk"),
    ),
    Reason.NO_ROSTER: ReasonEntry(
        Words("此设备尚未收到名单", "请稍候再试，或联系值班人员"),
        Words("This device has no roster yet", "Try again in a minute, or call the desk"),
    ),
    Reason.BUSY: ReasonEntry(
        Words("正在使用中", "请稍候，或换一处；有疑问请联系值班人员"),
        Words("In use", "Wait or try another one; if it seems wrong, call the desk"),
    ),
    Reason.FAULTED: ReasonEntry(
        Words("设备故障", "请换一处，物业已收到通知"),
        Words("Out of order", "Try another one; the property office has been told"),
    ),
    Reason.CANNOT_RECORD: ReasonEntry(
        Words("暂时无法记录", "请稍后再试，或联系值班人员"),
        Words("This cannot be recorded just now", "Try again shortly, or call the desk"),
    ),
    Reason.INTERNAL_ERROR: ReasonEntry(
        Words("设备内部错误", "请换一处，或联系值班人员"),
        Words("An error inside the device", "Try another one, or call the desk"),
    ),
    Reason.HELD_OPEN: ReasonEntry(Words("此门常开，请进"), Words("This door is held open, walk in"), allows=True),
    Reason.LOCKED_DOWN: ReasonEntry(
        Words("紧急封闭（只出不进）", "请离开，或听从值班人员指引"),
        Words("Locked down: nobody may enter", "Leave, or follow what the staff tell you"),
    ),
    Reason.OUT_OF_SERVICE: ReasonEntry(
        Words("暂停使用", "请换一处，或向物业询问"),
        Words("Out of service", "Try another one, or ask the property office"),
    ),
    Reason.ROSTER_DAMAGED: ReasonEntry(
        Words("此处的名单有一页损坏", "正在重新获取，请稍候再试，或联系值班人员"),
        Words("A page of the roster here is damaged", "It is being fetched again: try in a minute or call the desk"),
    ),
    Reason.OFFLINE_TOO_LONG: ReasonEntry(
        Words("离线过久，暂不能开始使用", "已开始的不受影响；请换一处，或联系值班人员"),
        Words("Offline too long to start anything new", "What has started continues; try another one or call the desk"),
    ),
    Reason.QUOTA_SPENT: ReasonEntry(
        Words("额度已用完", "下一周期重新计算；如需更多请联系物业"),
        Words("This allowance is used up", "It begins anew later; the property office can raise it"),
    ),
    Reason.USAGE_UNKNOWN: ReasonEntry(
        Words("今日用量无法确认", "请换一处，或联系值班人员"),
        Words("Today's use is not known here", "Try another place, or call the desk"),
    ),
    Reason.RESERVED: ReasonEntry(
        Words("已为排队的人保留", "请换一处，或过几分钟再来；有疑问请联系值班人员"),
        Words("Reserved for the next in the queue", "Try another one or wait some minutes, or call the desk"),
    ),
    Reason.QUOTA_ELSEWHERE: ReasonEntry(
        Words("剩余额度在另一台设备上", "请稍候再试，或到上次使用的地方，或联系值班人员"),
        Words("What is left is at another device", "Try again here or where you were last, or call the desk"),
    ),
    Reason.BARRED: ReasonEntry(
        Words("暂时不能由此进入", "请向物业了解原因和申诉办法"),
        Words("You may not enter here for now", "Ask the property office why, and how to appeal"),
    ),
    Reason.NOT_QUALIFIED: ReasonEntry(
        Words("缺少有效的资格证明", "请把有效的证明带到物业登记"),
        Words("A valid qualification is missing", "Show yours to the property office"),
    ),
    Reason.SURPLUS: ReasonEntry(
        Words("超出会员名额一人", "请付款的家人调整名额，或联系物业"),
        Words("One more than the membership has places", "Ask who pays for it, or the property office"),
    ),
    Reason.PIN_NEEDED: ReasonEntry(
        Words("请输入密码", "输入数字后按 #；没有密码请到物业设置"),
        Words("A PIN is needed here", "Key it in, then #. The property office can set one"),
    ),
    Reason.PIN_WRONG: ReasonEntry(
        Words("密码不对", "请重新刷卡后再输入；忘记了请到物业重设"),
        Words("The PIN is wrong", "Show the card and try again; the property office resets it"),
    ),
    Reason.PIN_BLOCKED: ReasonEntry(
        Words("密码多次输错，已锁定", "请十分钟后再试，或联系值班人员"),
        Words("Too many wrong PINs", "Try again in ten minutes, or call the desk"),
    ),
    Reason.ASSURANCE_TOO_LOW: ReasonEntry(
        Words("这张卡容易复制，此处不能用", "请用更安全的卡，或到物业更换"),
        Words("This card is too easily copied for here", "Use a safer one; the property office exchanges it"),
    ),
    Reason.INTERLOCKED: ReasonEntry(
        Words("另一道门还没有关上", "请等另一道门关好，或联系值班人员"),
        Words("The other door is still open", "Wait until it has shut, or call the desk"),
    ),
    Reason.OVERRIDE: ReasonEntry(Words("封闭期间特许进入"), Words("Locked down, and you may enter"), allows=True),
    Reason.ALL_IN_USE: ReasonEntry(
        Words("同时使用的数量已满", "请先结束一个；如需更多请联系物业"),
        Words("As many are in use as the plan allows", "End one first; the property office can allow more"),
    ),
    Reason.ALREADY_INSIDE: ReasonEntry(
        Words("您已在里面", "请从出口刷卡出去后再进，或联系值班人员"),
        Words("You are inside already", "Show your card on the way out first, or call the desk"),
    ),
    Reason.NOT_INSIDE: ReasonEntry(
        Words("没有您进入的记录", "可以出去；下次请刷卡进入，有疑问请联系值班人员"),
        Words("You were not seen to come in", "You may leave. Show your card next time, or ask the desk"),
    ),
    Reason.ZONE_FULL: ReasonEntry(
        Words("里面已满", "请等有人出来，或过一会儿再来；有疑问请联系值班人员"),
        Words("Full at the moment", "Wait until somebody leaves, or call the desk"),
    ),
    Reason.ZONE_AT_LIMIT: ReasonEntry(
        Words("已达消防限员", "请等有人出来；人数不对请联系值班人员"),
        Words("No more people are allowed inside", "Wait until somebody leaves; is it wrong? Call the desk"),
    ),
    Reason.PASS_MALFORMED: ReasonEntry(
        Words("通行码无法识别", "请调亮屏幕、完整出示再试，或联系值班人员"),
        Words("This code cannot be read", "Show all of it on a bright screen, or call the desk"),
    ),
    Reason.PASS_WRONG_KEY: ReasonEntry(
        Words("此处不认识这个通行码", "请重新打开通行链接，或联系值班人员"),
        Words("This code is not known here", "Open your link again, or call the desk"),
    ),
    Reason.PASS_BAD_SIGNATURE: ReasonEntry(
        Words("通行码的签名不对", "请重新打开通行链接取新码，或联系值班人员"),
        Words("The signature of this code is wrong", "Open your link for a new one, or call the desk"),
    ),
    Reason.PASS_WRONG_SITE: ReasonEntry(
        Words("这是别的小区的通行码", "请出示本小区的通行码，或联系值班人员"),
        Words("This pass is for another place", "Show the one for here, or call the desk"),
    ),
    Reason.PASS_TOO_LONG: ReasonEntry(
        Words("通行证的期限过长", "请让邀请人重新开具，或联系物业"),
        Words("This pass lasts longer than any may", "Ask who invited you or the property office for another"),
    ),
    Reason.PASS_CLOCK_UNSET: ReasonEntry(
        Words("设备时钟未校准，无法核对通行码", "请用卡或数字码，或联系值班人员"),
        Words("The clock here is not set for passes", "Use a card or a code, or call the desk"),
    ),
    Reason.PASS_NOT_YET: ReasonEntry(
        Words("通行证尚未生效", "请在生效时间之后再来，或联系值班人员"),
        Words("This pass is not valid yet", "Come back when it begins, or call the desk"),
    ),
    Reason.PASS_EXPIRED: ReasonEntry(
        Words("通行证已过期", "请让邀请人重新开具，或联系值班人员"),
        Words("This pass has ended", "Ask who invited you for another one, or call the desk"),
    ),
    Reason.PASS_REVOKED: ReasonEntry(
        Words("通行证已撤销", "请联系邀请人或值班人员"),
        Words("This pass was withdrawn", "Ask who invited you, or call the desk"),
    ),
    Reason.PASS_BAD_PROOF: ReasonEntry(
        Words("通行证不属于这部手机", "请用领取通行证的手机出示，或联系值班人员"),
        Words("This pass belongs to another phone", "Show it on the phone it was given to, or call the desk"),
    ),
    Reason.PASS_STALE: ReasonEntry(
        Words("屏幕上的码已过时", "请重新打开页面，截图无效；或联系值班人员"),
        Words("The code on the screen is too old", "Open the page again, no picture of it; or call the desk"),
    ),
    Reason.PASS_AHEAD: ReasonEntry(
        Words("手机的时钟快了", "请把手机设为自动校时再试，或联系值班人员"),
        Words("The clock of the phone is ahead", "Set it to automatic and try again, or call the desk"),
    ),
    Reason.PASS_REPLAYED: ReasonEntry(
        Words("这个码在此处已用过", "请等屏幕换成新码再试，或联系值班人员"),
        Words("This code was used here already", "Wait for the next one on the screen, or call the desk"),
    ),
    Reason.PASS_USED_UP: ReasonEntry(
        Words("通行次数已用完", "请让邀请人重新开具，或联系值班人员"),
        Words("This pass was used as often as it allows", "Ask who invited you for another one, or call the desk"),
    ),
}


def words(reason: Reason, language: str) -> Words:
    """The words for a reason in ``zh`` or ``en``; any other language reads English."""
    return TABLE[reason].words(language)
