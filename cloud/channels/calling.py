"""Calls those on duty about cases that nobody has accepted: one message a channel, however many cases there are."""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cloud.cases import store as case_store
from cloud.cases.kinds import KINDS
from cloud.cases.rule import Case, Grade
from cloud.cases.store import CaseView
from cloud.channels import store
from cloud.channels.calls import CALL_RULES, is_held, whom
from cloud.channels.rule import NAMED, CaseLine, Channel, Message
from cloud.devices.registry import Site, site_of
from cloud.duties.store import list_duties
from cloud.hours.store import load_schedules
from cloud.keys.keys import KeyFolder
from cloud.line.worker import Worker
from cloud.store.database import Clock, Store
from cloud.web.i18n import CHINESE, languages
from contract.schedules import is_open

EVERY_S = 1.0
AT_ONCE = 10_000
"""Cases of one look."""
GRADES = list(Grade)
IN_CHINESE = languages(ZoneInfo("UTC"))[CHINESE]


class Caller:
    """Puts what is due into the outbox."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def look(self) -> None:
        """One look: everybody who is to be called now."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            site = site_of(connection)
            before = {grade: (now_ms - rule.every_ms, rule.most) for grade, rule in CALL_RULES.items()}
            due = case_store.due_cases(connection, site.name, before, AT_ONCE)
            known = store.list_channels(connection, site.name, self._keys.numbers) if due else []
            on_duty = names_on_duty(connection, site, now_ms) if known else []
        if not known:
            return
        called, told = plan([view.case for view in due], known, on_duty, now_ms)
        views = {view.case.id: view for view in due}
        with self._store.writing() as connection:
            for channel in known:
                if mine := told.get(channel.name):
                    body = message(site.name, [views[one.id] for one in mine], now_ms).body()
                    store.add_message(connection, site.name, channel, now_ms, body)
            case_store.note_calls(connection, site.name, [one.id for one in called if one.id is not None], now_ms)


def plan(
    due: Iterable[Case], known: Sequence[Channel], on_duty: Sequence[str], now_ms: int
) -> tuple[list[Case], dict[str, list[Case]]]:
    """The cases that somebody is called about now, and which of them each channel is told, by its name. A case of which
    a channel has to wait for its digest waits whole, so that its calls stay in their order."""
    called: list[Case] = []
    told: dict[str, list[Case]] = {}
    for case in due:
        names = whom(case, on_duty)
        mine = [one for one in known if one.wants(case.grade) and (not names or one.operator in ("", *names))]
        if any(is_held(case, one.told_ms, now_ms) for one in mine):
            continue
        called.append(case)
        for one in mine:
            told.setdefault(one.name, []).append(case)
    return called, told


def names_on_duty(connection: Connection, site: Site, now_ms: int) -> list[str]:
    """Those whom a duty names at this hour, each once, in its order. Nobody where no duty is set up: then every channel
    is told."""
    zone = ZoneInfo(site.zone)
    schedules = load_schedules(connection, site.name, zone)
    duties = list_duties(connection, site.name)
    now = [one for one in duties if one.hours in schedules and is_open(schedules[one.hours], zone, now_ms)]
    return list(dict.fromkeys(name for duty in now for name in duty.operators))


def message(site: str, views: Sequence[CaseView], now_ms: int) -> Message:
    """What is said of these cases, the worst first."""
    worst_first = sorted(views, key=lambda view: (GRADES.index(view.case.grade), view.case.id or 0))
    lines = [_line(view) for view in worst_first[:NAMED]]
    first = lines[0]
    beside = len(views) - 1
    zh = f"{first.zh}" + (f"，另有 {beside} 个事件" if beside else "")
    en = f"{first.en}" + (f", and {beside} more" if beside else "")
    return Message("cases.call", site, now_ms, len(views), lines, zh, en)


def trial_message(site: str, now_ms: int) -> Message:
    """What the button Test sends."""
    return Message("test", site, now_ms, 0, [], "测试：收到即表示渠道可用", "Test: this channel works")


def _line(view: CaseView) -> CaseLine:
    case, label = view.case, view.label
    text = KINDS[case.kind].text
    return CaseLine(
        id=case.id or 0,
        kind=case.kind,
        grade=case.grade,
        zh=f"{label.zh or '云端'} {IN_CHINESE.say(text)}",
        en=f"{label.en or 'The cloud'}: {text}",
        reported_ms=case.reported_ms,
        count=case.count,
        calls=case.rings + 1,
    )


def calling_worker(store_: Store, keys: KeyFolder, clock: Clock) -> Worker[None]:
    """The thread that does so while the cloud runs."""
    look = Caller(store_, keys, clock).look
    return Worker[None]("calls", "nobody is called about cases", look=look, every_s=EVERY_S)
