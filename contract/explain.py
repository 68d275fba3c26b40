"""Why somebody may pass, or may not: the order of the rule, walked check by check over every grant of a credential.

It asks the very checks that decide, so it can say nothing else than they do.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from contract.decide import (
    ANYBODY,
    CHECKS,
    CHECKS_OF_ANYBODY,
    HOUR_MS,
    OF_THE_PLACE,
    ROSTER_AGE_LIMIT_MS,
    Decision,
    Facts,
    Grant,
    Request,
    concerned,
    decide,
    nobody,
    not_before,
    weigh,
)
from contract.demands import Assurance
from contract.phrases import Phrase
from contract.quantities import name_in_roster
from contract.reasons import TABLE, Reason
from contract.schedules import next_opening, wall_clock

KNOWN = "known"
ORDER: tuple[str, ...] = (*CHECKS_OF_ANYBODY, KNOWN, *CHECKS)
"""The names of all checks, in the order in which they are asked."""


class Outcome(StrEnum):
    """What a check did: the first that stops somebody, or opens to them at once, is the last that is weighed. On the
    way out what speaks against somebody is noted, and only the place may stop them yet."""

    PASSED = "passed"
    NOTED = "noted"
    STOPPED = "stopped"
    OPENED = "opened"
    NOT_WEIGHED = "not_weighed"


class Step(Struct, frozen=True):
    """One check. A step that stopped or was noted has a reason; one that stopped says what would change it, and when
    time alone would, as far as that is known (UTC milliseconds)."""

    check: str
    outcome: Outcome
    reason: Reason | None = None
    change: Phrase | None = None
    passes_ms: int | None = None

    @property
    def name(self) -> Phrase:
        return NAMES[self.check]


class Walk(Struct, frozen=True):
    """The order over one grant, or over none where the credential has none. ``steps`` are all checks."""

    grant: Grant | None
    reason: Reason
    steps: tuple[Step, ...]

    @property
    def stop(self) -> Step | None:
        """The step that decided; None where all passed, but for what was noted."""
        decided = (Outcome.STOPPED, Outcome.OPENED)
        return next((step for step in self.steps if step.outcome in decided), None)


class Explanation(Struct, frozen=True):
    """The decision, and a walk for each grant that was weighed; the first is the one that the decision speaks of."""

    decision: Decision
    walks: tuple[Walk, ...]


def explain(request: Request, grants: Sequence[Grant], facts: Facts, now_ms: int) -> Explanation:
    """Why ``weigh`` says what it does of the same arguments."""
    decision = weigh(request, grants, facts, now_ms)
    weighed: Sequence[Grant | None] = concerned(request, grants) or [None]
    walks = [walk(request, grant, facts, now_ms) for grant in weighed]
    walks.sort(key=lambda one: (one.reason, one.grant) != (decision.reason, decision.grant))
    return Explanation(decision, tuple(walks))


def walk(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> Walk:
    """The order over one grant: what ``decide`` says of it, and how it came to that."""
    now_ms = not_before(facts, now_ms)
    walked = {
        check: _step(check, reason, request, grant, facts, now_ms)
        for check, reason in _asked(request, grant, facts, now_ms)
    }
    steps = tuple(walked.get(check, Step(check, Outcome.NOT_WEIGHED)) for check in ORDER)
    return Walk(grant, decide(request, grant, facts, now_ms).reason, steps)


def _asked(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> Iterator[tuple[str, Reason | None]]:
    """The checks as they are asked: the first that speaks is the last but for those of the place, on the way out."""
    for check, reason in _in_order(request, grant, facts, now_ms):
        yield check, reason
        if reason is not None:
            if _is_noted(check, reason, request):
                yield from _of_the_place(request, grant, facts, now_ms)
            return


def _in_order(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> Iterator[tuple[str, Reason | None]]:
    for name, of_anybody in CHECKS_OF_ANYBODY.items():
        yield name, of_anybody(request, grant, facts)
    if grant is None:
        yield KNOWN, nobody(facts)
        return
    yield KNOWN, None
    for name, check in CHECKS.items():
        yield name, check(request, grant, facts, now_ms)


def _of_the_place(
    request: Request, grant: Grant | None, facts: Facts, now_ms: int
) -> Iterator[tuple[str, Reason | None]]:
    for name in OF_THE_PLACE:
        reason = CHECKS[name](request, grant or ANYBODY, facts, now_ms)
        yield name, reason
        if reason is not None:
            return


def _is_noted(check: str, reason: Reason, request: Request) -> bool:
    return request.direction == "out" and not TABLE[reason].allows and check not in OF_THE_PLACE


def _step(check: str, reason: Reason | None, request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> Step:
    if reason is None:
        return Step(check, Outcome.PASSED)
    if TABLE[reason].allows:
        return Step(check, Outcome.OPENED, reason)
    if _is_noted(check, reason, request):
        return Step(check, Outcome.NOTED, reason)
    passes_ms = _passes_ms(reason, request, grant, facts, now_ms)
    return Step(check, Outcome.STOPPED, reason, _change(reason, request, grant, facts, passes_ms), passes_ms)


def _passes_ms(reason: Reason, request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> int | None:
    """When this check passes without anybody's doing."""
    if grant is None:
        return None
    if reason is Reason.NOT_YET_VALID:
        return grant.valid_from_ms
    if reason is Reason.OUTSIDE_HOURS:
        return next_opening(grant.points[request.point], facts.zone, now_ms)
    return None


def _change(reason: Reason, request: Request, grant: Grant | None, facts: Facts, passes_ms: int | None) -> Phrase:
    def told(at_ms: int | None) -> str:
        local = wall_clock(facts.zone, at_ms) if at_ms else None
        return f"{local:%Y-%m-%d %H:%M}" if local else "–"

    if reason is Reason.PIN_NEEDED and not (grant and grant.pin):
        return NO_PIN
    if reason is Reason.ASSURANCE_TOO_LOW:
        return BY_ASSURANCE[facts.demand.assurance]
    limit_ms = ROSTER_AGE_LIMIT_MS[grant.tier] if grant else None
    allotment = grant.allotments.get(request.point) if grant else None
    data = {
        "point": request.point,
        "passes": told(passes_ms),
        "ended": told(grant.valid_until_ms if grant else None),
        "hours": limit_ms // HOUR_MS if limit_ms else "–",
        "allotment": name_in_roster(allotment.name) if allotment else "–",
    }
    return CHANGES[reason].filled(data)


NAMES: Mapping[str, Phrase] = {
    "free_exit": Phrase("自由出口", "Free exit"),
    "mode": Phrase("此处的状态", "Mode of the point"),
    "pass": Phrase("通行码", "Signed pass"),
    "known": Phrase("卡已登记", "Credential known"),
    "bar": Phrase("限制", "Bar"),
    "standing": Phrase("卡和会员的状态", "State of card and membership"),
    "window": Phrase("有效期", "Days of the membership"),
    "entitled": Phrase("此处的权限", "Entitled here"),
    "schedule": Phrase("开放时间", "Hours"),
    "clock": Phrase("设备时钟", "Clock of the device"),
    "roster_age": Phrase("名单的新旧", "Age of the roster"),
    "offline": Phrase("离线时长", "Time offline"),
    "assurance": Phrase("卡的安全等级", "Assurance of the credential"),
    "pin": Phrase("密码", "PIN"),
    "anti_passback": Phrase("防重复进入", "Anti-passback"),
    "capacity": Phrase("区域容量", "Capacity of the zone"),
    "quota": Phrase("额度", "Allowance"),
    "interlock": Phrase("双门互锁", "Interlock of two doors"),
    "station": Phrase("占用、故障和预留", "Busy, faulted or reserved"),
}
"""What each check is called, in its order."""

BY_ASSURANCE: Mapping[Assurance, Phrase] = {
    Assurance.NUMBER: Phrase("任何卡、号码或车牌都可以", "Any card, code or plate is enough"),
    Assurance.COPYABLE: Phrase("用卡代替号码或车牌", "A card in place of a code or a plate"),
    Assurance.CARD: Phrase("换成不易复制的卡", "A card that no shop copies"),
    Assurance.SIGNED: Phrase("换成带签名的凭证", "A credential that answers with a signature"),
}
"""What a point takes that asks for this much."""

NO_PIN = Phrase("设置密码（还没有密码）", "A PIN is set: there is none yet")
"""What lets in somebody who is asked for a PIN and has none: keying does not help."""

CHANGES: Mapping[Reason, Phrase] = {
    Reason.UNKNOWN_CREDENTIAL: Phrase("把这张卡登记给某人", "Somebody is given this card"),
    Reason.SUSPENDED: Phrase("恢复此卡或会员资格", "The card or the membership is activated again"),
    Reason.REPORTED_LOST: Phrase("解除挂失，或换发新卡", "The report is cleared, or another card is given"),
    Reason.NOT_YET_VALID: Phrase("到 %(passes)s 起即可", "It holds from %(passes)s on"),
    Reason.EXPIRED: Phrase("续期（已于 %(ended)s 到期）", "It is renewed: it ended at %(ended)s"),
    Reason.NOT_ENTITLED: Phrase("给予含 %(point)s 的方案", "A plan is given that opens %(point)s"),
    Reason.OUTSIDE_HOURS: Phrase("下次开放：%(passes)s", "It opens next at %(passes)s"),
    Reason.CLOCK_UNSET: Phrase("设备与云端校时之后", "The device learns the time from the cloud"),
    Reason.ROSTER_STALE: Phrase("设备收到不超过 %(hours)s 小时的名单", "A roster of less than %(hours)s hours arrives"),
    Reason.NO_ROSTER: Phrase("设备收到第一份名单", "The first roster arrives"),
    Reason.BUSY: Phrase("此处空出来", "It becomes free"),
    Reason.FAULTED: Phrase("故障排除", "The fault is cleared"),
    Reason.LOCKED_DOWN: Phrase(
        "解除封闭，或有特许的人刷卡并输入密码", "The lockdown ends, or somebody overrides it with card and PIN"
    ),
    Reason.OUT_OF_SERVICE: Phrase("恢复使用", "It is put into service again"),
    Reason.ROSTER_DAMAGED: Phrase("设备重新取得损坏的一页", "The device fetches the damaged page again"),
    Reason.OFFLINE_TOO_LONG: Phrase("设备重新连上云端", "The device reaches the cloud again"),
    Reason.QUOTA_SPENT: Phrase(
        "下一周期开始，或提高 %(allotment)s 的额度", "A new period of %(allotment)s, or a higher one"
    ),
    Reason.USAGE_UNKNOWN: Phrase("设备读回 %(allotment)s 的用量", "The use of %(allotment)s is known again here"),
    Reason.RESERVED: Phrase("预留的时间过去", "The time passes for which it is kept"),
    Reason.QUOTA_ELSEWHERE: Phrase("%(allotment)s 的余额回到这里", "What is left of %(allotment)s comes here"),
    Reason.BARRED: Phrase("限制到期或被撤销", "The bar ends or is lifted"),
    Reason.NOT_QUALIFIED: Phrase("登记有效的资格", "A valid qualification is noted"),
    Reason.SURPLUS: Phrase("增加名额，或另一人退出", "The membership has one place more, or another person leaves it"),
    Reason.PIN_NEEDED: Phrase("刷卡后输入密码", "The PIN is keyed behind the card"),
    Reason.PIN_WRONG: Phrase("输入正确的密码", "The right PIN is keyed"),
    Reason.PIN_BLOCKED: Phrase("锁定时间过去后重新输入", "It is keyed again after the time for which it is blocked"),
    Reason.INTERLOCKED: Phrase("另一道门关上", "The other door has shut"),
    Reason.ALL_IN_USE: Phrase("结束正在使用的一个 %(allotment)s", "One of %(allotment)s that is in use ends"),
    Reason.ALREADY_INSIDE: Phrase("此人先出来，或隔几分钟再进", "They leave first, or some minutes pass"),
    Reason.ZONE_FULL: Phrase("有人出来，或提高舒适容量", "Somebody leaves, or the comfort capacity is raised"),
    Reason.ZONE_AT_LIMIT: Phrase("有人出来，或清点并更正人数", "Somebody leaves, or the count is corrected"),
    Reason.PASS_MALFORMED: Phrase("出示完整的通行码", "A whole pass is shown"),
    Reason.PASS_WRONG_KEY: Phrase("登记这部手机，或收到新的公钥", "The phone is registered, or a new pass key comes"),
    Reason.PASS_BAD_SIGNATURE: Phrase("出示云端签发的通行证", "A pass is shown that the cloud has signed"),
    Reason.PASS_WRONG_SITE: Phrase("出示本小区的通行证", "A pass of this site is shown"),
    Reason.PASS_TOO_LONG: Phrase("重新签发不超过 24 小时的通行证", "Another is given, of at most 24 hours"),
    Reason.PASS_CLOCK_UNSET: Phrase("设备与云端校时之后", "The device learns the time from the cloud"),
    Reason.PASS_NOT_YET: Phrase("通行证到了生效时间", "The pass begins"),
    Reason.PASS_EXPIRED: Phrase("重新签发", "Another is given"),
    Reason.PASS_REVOKED: Phrase("重新签发（旧的不会恢复）", "Another is given: a withdrawn one stays so"),
    Reason.PASS_BAD_PROOF: Phrase("用领取通行证的那部手机出示", "It is shown on the phone that it names"),
    Reason.PASS_STALE: Phrase("手机显示新的通行码，时钟准确", "The phone shows a new code, and its clock is right"),
    Reason.PASS_AHEAD: Phrase("校准手机的时钟", "The clock of the phone is set right"),
    Reason.PASS_REPLAYED: Phrase("等手机显示下一个码", "The phone shows the next code"),
    Reason.PASS_USED_UP: Phrase("增加次数，或重新签发", "Another is given, for more uses"),
}
"""What would change a refusal, for who reads it on a page."""
