"""What accounts say to people: what a token may do."""

from collections.abc import Mapping

from cloud.web.roles import Right
from cloud.web.sentence import N_

SCOPES: Mapping[Right, str] = {
    Right.READ: N_("See points, devices and events"),
    Right.CONFIG: N_("See how the site is set up"),
    Right.DIRECTORY: N_("See people and flats"),
    Right.MOVEMENTS: N_("See where somebody went, for a purpose"),
    Right.AUDIT: N_("See what operators did"),
    Right.ACCOUNTS: N_("See who may log in"),
    Right.PARTIES: N_("See households and companies"),
    Right.MEMBERS: N_("Add and end members"),
    Right.PEOPLE: N_("Change people, plans and cards"),
    Right.DOORS: N_("Open doors and set their modes"),
    Right.COUNT: N_("Say how many are inside"),
    Right.DEVICES: N_("Order something of devices"),
    Right.ADOPT: N_("Adopt, replace and put out devices"),
    Right.OPERATORS: N_("Say who may log in"),
    Right.SETUP: N_("Change the whole setup"),
    Right.SILENT: N_("See silent alarms"),
}
