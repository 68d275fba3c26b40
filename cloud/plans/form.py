"""A plan as it stands in a form, and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from cloud.duties.rule import listed_names
from cloud.people.plans import Days, Plan
from cloud.store.labels import Label
from cloud.web.context import N_
from cloud.web.names import clean_text
from cloud.web.rejected import Rejected
from contract.decide import Tier

OPENS = "opens-"
"""How the fields begin that say in which hours the plan opens a zone."""
MAX_LABEL = 60
MAX_QUALIFICATION = 60
NO_NUMBER = N_("Fee, places and days are whole numbers. Nothing was changed.")
NO_TIER = N_("Choose a tier and a term. Nothing was changed.")


def read_plan(name: str, fields: Mapping[str, str], before: Plan | None) -> Plan:
    """The plan that a form describes; what is no field of it is as before. Raises ``Rejected``, or ``ValueError`` for
    what is no label."""
    labels = (clean_text(fields.get(key, ""), MAX_LABEL) for key in ("label_zh", "label_en"))
    try:
        tier = Tier(fields.get("tier", ""))
        term = _term(fields)
    except ValueError:
        raise Rejected(NO_TIER, "tier") from None
    values: dict[str, Any] = {
        "tier": tier,
        "fee_yuan": _number(fields, "fee_yuan") or 0,
        "places": _number(fields, "places"),
        "opens": {key.removeprefix(OPENS): hours for key, hours in fields.items() if key.startswith(OPENS)},
        "label": Label(*labels).named(name),
        "term": term,
        "grace_days": _number(fields, "grace_days") or 0,
        "reminder_days": tuple(_numbers(listed_names(fields.get("reminder_days", "")))),
        "follows": "flat" if fields.get("follows") == "flat" else "person",
        "qualification": clean_text(fields.get("qualification", ""), MAX_QUALIFICATION),
    }
    return structs.replace(before, **values) if before else Plan(name, **values)


def _term(fields: Mapping[str, str]) -> str | Days:
    """Raises ``ValueError``."""
    term = fields.get("term", "")
    if term == "days":
        return Days(_number(fields, "term_days") or 0)
    if term not in ("life", "lease"):
        raise ValueError(term)
    return term


def _number(fields: Mapping[str, str], key: str) -> int | None:
    text = fields.get(key, "").strip()
    return next(iter(_numbers([text])), None) if text else None


def _numbers(texts: Iterable[str]) -> Iterable[int]:
    for text in texts:
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            raise Rejected(NO_NUMBER, "body")
        yield int(text)
