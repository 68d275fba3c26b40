"""The site page in every version that a device may read: the newest first, each older one made of the one after it."""

from collections.abc import Callable, Mapping

from msgspec import structs

from cloud.people import version_1
from contract.roster import PAGE_VERSIONS, SitePage, pack_site


def site_pages(page: SitePage) -> dict[int, bytes]:
    """The bytes of a site page by their version. Raises ``Undeliverable`` for one that no message can carry."""
    packed = {}
    for version in reversed(PAGE_VERSIONS):
        if version in OLDER:
            page = OLDER[version](page)
        packed[version] = pack_site(page)
    return packed


def of_version_2(page: SitePage) -> SitePage:
    """Version 2 knows no special days, and no quantities that are lent."""
    weekly = {name: structs.replace(schedule, days={}) for name, schedule in page.schedules.items()}
    return structs.replace(page, schedules=weekly, quantities={})


OLDER: Mapping[int, Callable[[SitePage], SitePage]] = {2: of_version_2, 1: version_1.site_page}
"""How the page of a version is made of that of the version after it."""
