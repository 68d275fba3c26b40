"""What the forms of permits hold, and which kinds an operator draws up."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from cloud.permits.kinds import KINDS, KindRule, PermitKind
from cloud.permits.service import PermitAsked
from cloud.permits.store import PermitView
from cloud.permits.words import NO_PERMIT
from cloud.web.days import read_moment
from cloud.web.forms import number_in
from cloud.web.rejected import Rejected
from cloud.web.roles import Right
from cloud.web.sentence import N_

NOT_YOURS = N_("The office draws up permits of this kind: let in a walk-in instead, or call the office.")


def kinds_for(rights: frozenset[Right]) -> Mapping[PermitKind, KindRule]:
    """The kinds that whoever has these rights draws up: the office all, a guard some."""
    if Right.PEOPLE in rights:
        return KINDS
    return {kind: rule for kind, rule in KINDS.items() if rule.by_guard}


def check_kind(kind: PermitKind, rights: frozenset[Right]) -> None:
    """Raises ``Rejected`` for a kind that is not theirs to draw up."""
    if kind not in kinds_for(rights):
        raise Rejected(NOT_YOURS, "kind", 403)


def check_again(view: PermitView | None, rights: frozenset[Right]) -> None:
    """Raises ``Rejected`` where the permit that is to be drawn up again is none, or of a kind that is not theirs."""
    if view is None:
        raise Rejected(NO_PERMIT, status=404)
    check_kind(view.permit.kind, rights)


def asked_in(fields: Mapping[str, str], zone: ZoneInfo) -> PermitAsked:
    """What a form asks for. Raises ``Rejected``, or ``ValueError`` for a field that is not what it should be."""
    return PermitAsked(
        kind=PermitKind(fields.get("kind", "")),
        name=fields.get("name", ""),
        flat=fields.get("flat", ""),
        from_ms=read_moment(fields.get("from", ""), zone),
        until_ms=read_moment(fields.get("until", ""), zone),
        headcount=number_in(fields, "headcount") if "headcount" in fields else 1,
        plate=fields.get("plate", ""),
        goods=fields.get("goods", ""),
        code="code" in fields,
        token="token" in fields,
        card=number_in(fields, "card") if "card" in fields else None,
        agreed="agreed" in fields,
    )
