"""What permits say to people: why something is refused, and how states are called."""

from collections.abc import Mapping

from cloud.permits.rule import PermitRefusal, PermitState
from cloud.store.labels import N_

STATE_WORDS: Mapping[PermitState, str] = {
    PermitState.DRAWN: N_("Not valid yet"),
    PermitState.VALID: N_("Valid"),
    PermitState.INSIDE: N_("Inside"),
    PermitState.LEFT: N_("Left"),
    PermitState.OVERSTAYED: N_("Overstayed"),
    PermitState.OVER: N_("Over"),
    PermitState.ENDED: N_("Ended"),
}

NO_PERMIT = N_("There is no such permit.")
NO_SUCH_FLAT = N_("There is no such flat: write it as it is listed, such as 3-1-702. Nothing was changed.")
IS_VACANT = N_("Flat %(flat)s is vacant, so nobody there can be visited. Nothing was changed.")
NOT_YOUR_FLAT = N_("You are no adult who lives in flat %(flat)s, so you cannot invite there. Nothing was changed.")
INVITER_LEFT = N_("Whoever answers for it no longer lives in flat %(flat)s. Nothing was changed.")
NOT_BY_YOU = N_("The office draws up permits of this kind. Nothing was changed.")
TOO_MANY_TODAY = N_("Flat %(flat)s has had its %(most)s permits of today: draw it up tomorrow. Nothing was changed.")
TOO_MANY_LIVE = N_("%(most)s permits count already: end those that nobody needs. Nothing was changed.")
NO_PLATE = N_(
    "This is no plate: write it as on the vehicle, such as 沪A12345, new energy with 8 places. Nothing was changed."
)
PLATE_TAKEN = N_("Plate %(plate)s is on another permit until that is over: end it first. Nothing was changed.")
PLATE_KNOWN = N_("Plate %(plate)s belongs to somebody of the estate and needs no permit. Nothing was changed.")
PLATE_BARRED = N_("Plate %(plate)s is barred: the page of bars says until when. Nothing was changed.")
TOO_MANY_CODES = N_("Too many codes count at this time: use a printed token or a card. Nothing was changed.")
NO_RIDERS = N_("There is no plan %(plan)s, whose zones this permit would open: make it first. Nothing was changed.")
NO_STOCK_CARD = N_("This card is not in stock. Nothing was changed.")
NOT_ASKED = N_("Ring the flat first, and say that it agreed. Nothing was changed.")
IS_OVER = N_("This permit is over. Draw it up again. Nothing was changed.")
EXTENDED_ONCE = N_("This permit was extended before, and that is done once. Nothing was changed.")
ENDS_NO_LATER = N_("A longer permit ends later than now agreed. Nothing was changed.")
NO_GOODS_SLIP = N_("This is no goods slip. Nothing was changed.")
IS_SIGNED = N_("This goods slip is signed off, or was ended. Nothing was changed.")
NOT_INSIDE = N_("Nobody with this permit is inside. Nothing was changed.")

REFUSALS: Mapping[PermitRefusal, str] = {
    PermitRefusal.ENDS_EARLY: N_("It ends before it begins. Nothing was changed."),
    PermitRefusal.IS_PAST: N_("Its end is over already. Nothing was changed."),
    PermitRefusal.TOO_LONG: N_("A permit of this kind lasts at most %(hours)s hours. Nothing was changed."),
    PermitRefusal.TOO_FAR: N_("A permit begins within a year from now. Nothing was changed."),
    PermitRefusal.NOBODY: N_("Say how many they are: at least 1. Nothing was changed."),
    PermitRefusal.TOO_MANY: N_("A permit of this kind is for at most %(people)s. Nothing was changed."),
    PermitRefusal.NO_FLAT: N_("Say which flat it leads to. Nothing was changed."),
    PermitRefusal.NO_PLATE: N_("A permit of this kind is for a vehicle: say its plate. Nothing was changed."),
    PermitRefusal.NO_GOODS: N_("Say what leaves the estate. Nothing was changed."),
    PermitRefusal.NOT_ITS_OWN: N_("A permit of this kind has no such credential. Nothing was changed."),
}
