"""The site page in every version that a device may read: the newest first, each older one made of the one after it."""

from collections.abc import Callable, Mapping, Set

from msgspec import structs

from cloud.people import version_1
from contract.roster import PAGE_VERSIONS, Undeliverable
from contract.site_page import SitePage, pack_site


def site_pages(page: SitePage, versions: Set[int]) -> tuple[dict[int, bytes], dict[int, str]]:
    """The bytes of a site page in these versions; and why not, for each that no message can carry."""
    packed, too_large = {}, {}
    for version in reversed(PAGE_VERSIONS):
        if version in OLDER:
            page = OLDER[version](page)
        if version in versions:
            try:
                packed[version] = pack_site(page)
            except Undeliverable as wrong:
                too_large[version] = str(wrong)
    return packed, too_large


def of_version_4(page: SitePage) -> SitePage:
    """Version 4 knows no zone that counts, and no signed pass."""
    return structs.replace(page, zones={}, counted={}, pass_keys=[], revoked=[])


def of_version_3(page: SitePage) -> SitePage:
    """Version 3 knows nothing that a point demands of people: there a card alone is enough."""
    return structs.replace(page, demands={})


def of_version_2(page: SitePage) -> SitePage:
    """Version 2 knows no special days, and no quantities that are lent."""
    weekly = {name: structs.replace(schedule, days={}) for name, schedule in page.schedules.items()}
    return structs.replace(page, schedules=weekly, quantities={})


OLDER: Mapping[int, Callable[[SitePage], SitePage]] = {
    4: of_version_4,
    3: of_version_3,
    2: of_version_2,
    1: version_1.site_page,
}
"""How the page of a version is made of that of the version after it."""
