"""What became of a decision that was decided again, in words."""

from collections.abc import Mapping

from cloud.redecide.rule import Redecided, Why
from cloud.store.labels import N_

VERDICTS: Mapping[Redecided, str] = {
    Redecided.SAME: N_("Decided the same again"),
    Redecided.DIFFERENT: N_("Decided otherwise"),
    Redecided.WOULD_REFUSE: N_("Allowed there, and by then refused in the cloud"),
    Redecided.WOULD_ALLOW: N_("Refused there, and by then allowed in the cloud"),
    Redecided.HINDSIGHT_SAME: N_("The same by the cloud's roster of that moment"),
}
WHY_NOT: Mapping[Why, str] = {
    Why.OTHER_RULE: N_("Decided by another version of the rule"),
    Why.STATION: N_("The station had a reason of its own"),
    Why.DEVICE_FAULT: N_("An error inside the device"),
    Why.ERASED: N_("The card was erased"),
    Why.UNREADABLE: N_("The event or its roster cannot be read"),
    Why.ROSTER_GONE: N_("Its roster is not kept any more"),
    Why.OTHER_ROSTER: N_("It used a roster that this cloud did not issue"),
    Why.CLOCK_UNSET: N_("The device did not know the time"),
    Why.USE_UNKNOWN: N_("What was used of the newer plan is not known"),
}
