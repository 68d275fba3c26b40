"""A plan as it stands in a form, and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import ValidationError, convert, structs

from cloud.duties.rule import listed_names
from cloud.people.plans import Days, Plan
from cloud.store.labels import Label
from cloud.web.names import clean_text
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.decide import Tier
from contract.quantities import Quantity

QUANTITY = "quantity-"
"""How the fields begin that say how much the plan gives: a row for each class and unit, by its number."""
ROW = ("class", "amount", "unit", "per", "floor", "money")
MAX_ROWS, FREE_ROWS = 40, 2
OPENS = "opens-"
"""How the fields begin that say in which hours the plan opens a zone."""
MAX_LABEL = 60
MAX_QUALIFICATION = 60
NO_NUMBER = N_("Fee, places and days are whole numbers. Nothing was changed.")
NO_QUANTITY = N_(
    "An amount of %(amount)s %(unit)s cannot be: it is at most 1,000,000, its floor no more than itself, and what is "
    "money has no floor. Nothing was changed."
)
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
        "quantities": _quantities(fields) if f"{QUANTITY}0-unit" in fields else before.quantities if before else {},
        "qualification": clean_text(fields.get("qualification", ""), MAX_QUALIFICATION),
    }
    return structs.replace(before, **values) if before else Plan(name, **values)


def _quantities(fields: Mapping[str, str]) -> Mapping[str, tuple[Quantity, ...]]:
    """What the rows say that have an amount, by class."""
    found: dict[str, tuple[Quantity, ...]] = {}
    for row in rows_in(fields):
        amount = _number(row, "amount")
        if amount is None:
            continue
        values = {key: row[key] for key in ("unit", "per")} | {"amount": amount, "floor": _number(row, "floor") or 0}
        try:
            quantity = convert({**values, "money": bool(row["money"])}, Quantity)
        except ValidationError:
            raise Rejected(NO_QUANTITY, "quantities", amount=amount, unit=row["unit"]) from None
        found[row["class"]] = (*found.get(row["class"], ()), quantity)
    return found


def form_of(plan: Plan) -> dict[str, str]:
    """What the form of a plan holds."""
    days = plan.term.days if isinstance(plan.term, Days) else None
    fields = {
        "label_zh": plan.label.zh,
        "label_en": plan.label.en,
        "tier": plan.tier.value,
        "fee_yuan": str(plan.fee_yuan),
        "places": "" if plan.places is None else str(plan.places),
        "term": "days" if isinstance(plan.term, Days) else plan.term,
        "term_days": "" if days is None else str(days),
        "grace_days": str(plan.grace_days),
        "reminder_days": ", ".join(map(str, plan.reminder_days)),
        "follows": plan.follows,
        "qualification": plan.qualification,
    }
    fields |= {OPENS + zone: hours for zone, hours in plan.opens.items()}
    pairs = ((kind, one) for kind, quantities in sorted(plan.quantities.items()) for one in quantities)
    for number, (kind, one) in enumerate(pairs):
        row = {key: str(getattr(one, key)) for key in ("amount", "unit", "per", "floor")}
        row |= {"class": kind, "money": "1" if one.money else ""}
        fields |= {f"{QUANTITY}{number}-{key}": value for key, value in row.items()}
    return fields


def rows_in(fields: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of quantities in a form: those up to the last one with an amount."""
    rows = [{key: fields.get(f"{QUANTITY}{number}-{key}", "") for key in ROW} for number in range(MAX_ROWS)]
    while rows and not rows[-1]["amount"]:
        rows.pop()
    return rows


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
