"""What screens call the units and periods of quantities."""

from collections.abc import Mapping

from cloud.web.i18n import N_
from contract.quantities import Period, Unit

UNITS: Mapping[Unit, str] = {
    "minutes": N_("minutes"),
    "wh": N_("Wh"),
    "ml": N_("ml"),
    "washes": N_("washes"),
    "meals": N_("meals"),
    "visits": N_("visits"),
    "items": N_("items"),
}
PERIODS: Mapping[Period, str] = {
    "day": N_("a day"),
    "mealtime": N_("a meal"),
    "month": N_("a month"),
    "once": N_("once"),
    "term": N_("a term"),
    "concurrent": N_("at the same time"),
}
AMOUNTS: Mapping[Unit, str] = {
    "minutes": N_("%(amount)s min"),
    "wh": N_("%(amount)s Wh"),
    "ml": N_("%(amount)s ml"),
    "washes": N_("%(amount)s washes"),
    "meals": N_("%(amount)s meals"),
    "visits": N_("%(amount)s visits"),
    "items": N_("%(amount)s items"),
}
