"""The words for kinds of parties, roles, grounds and traits, as the console says them."""

from collections.abc import Mapping, Sequence

from cloud.office.rule import HomeGround
from cloud.parties.party import MemberRole, PartyKind
from cloud.people.traits import Tag, Verified
from cloud.web.sentence import N_

KINDS: Mapping[str, str] = {
    PartyKind.FLAT: N_("Household"),
    PartyKind.COMPANY: N_("Company"),
    PartyKind.CLUB: N_("Club"),
    PartyKind.CLASS: N_("Class"),
    PartyKind.CREW: N_("Crew"),
}
ROLES: Mapping[str, str] = {
    MemberRole.OWNER: N_("Owner"),
    MemberRole.PAYER: N_("Payer"),
    MemberRole.ADULT: N_("Adult"),
    MemberRole.CHILD: N_("Child"),
    MemberRole.TENANT: N_("Tenant"),
    MemberRole.COLLECTOR: N_("Collects a child"),
    MemberRole.ADMIN: N_("Administrator of the company"),
    MemberRole.HELPER: N_("Helper"),
}
COMPANY_ROLES: Mapping[str, str] = {**ROLES, MemberRole.ADULT: N_("Member of the staff")}
"""In what is no household."""
_OF_STAFF = MemberRole.ADULT, MemberRole.ADMIN, MemberRole.HELPER
OFFERED: Mapping[str, Sequence[MemberRole]] = {
    PartyKind.FLAT: tuple(MemberRole),
    PartyKind.COMPANY: _OF_STAFF,
    PartyKind.CREW: _OF_STAFF,
    PartyKind.CLUB: (*_OF_STAFF, MemberRole.CHILD),
    PartyKind.CLASS: (*_OF_STAFF, MemberRole.CHILD, MemberRole.COLLECTOR),
}
"""The roles that a form offers: nobody owns or rents a company."""
GROUNDS: Mapping[str, str] = {
    HomeGround.OWN_WORD: N_("They said so themselves"),
    HomeGround.LEASE_OVER: N_("The lease and its days of grace are over"),
    HomeGround.GUARDIAN: N_("A guardian says so of a child"),
    HomeGround.DIED: N_("They died"),
    HomeGround.AUTHORITY: N_("An authority's order"),
    HomeGround.MISTAKE: N_("It was entered by mistake"),
}
TAGS: Mapping[str, str] = {
    Tag.OVER_60: N_("60 or older"),
    Tag.OVER_70: N_("70 or older"),
    Tag.DISABLED: N_("Disabled"),
    Tag.LOW_INCOME: N_("Low income"),
    Tag.SLOW: N_("Needs more time at doors"),
    Tag.VOLUNTEER: N_("Volunteer"),
    Tag.RIDER: N_("Rider"),
}
VERIFIED: Mapping[str, str] = {
    Verified.NOT: N_("Not verified"),
    Verified.IDENTITY_CARD: N_("Identity card seen"),
    Verified.DEED: N_("Deed of the flat seen"),
    Verified.LEASE: N_("Lease seen"),
    Verified.EMPLOYER: N_("Named by the employer"),
    Verified.RESIDENT: N_("Named by a resident"),
}
STEPS: Mapping[str, str] = {
    "members": N_("Members"),
    "memberships": N_("Plans"),
    "permits": N_("Permits"),
    "cards": N_("Cards"),
    "flat": N_("Flat"),
}
"""The steps of a moving day. A domain that brings one with another name has it shown as it is."""


def roles_of(kind: str) -> Mapping[str, str]:
    """What roles are called in a party of this kind."""
    return ROLES if kind == PartyKind.FLAT else COMPANY_ROLES
