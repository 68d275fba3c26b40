"""What every page asks about the site as it is now."""

from cloud.devices.registry import site_of
from cloud.duties.store import list_cells
from cloud.overview.banner import Banner, site_banner
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.store.scope import Scope
from cloud.web.assignments import units_of


class SiteReader:
    """See ``cloud.web.pages.SiteNow``. Any thread may ask."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def label(self) -> Label:
        with self._store.reading() as connection:
            return site_of(connection).label

    def banner(self, scope: Scope) -> Banner:
        with self._store.reading(scope) as connection:
            return site_banner(connection, self._clock())

    def units(self, cell: str) -> tuple[str, ...]:
        with self._store.reading() as connection:
            cells = list_cells(connection, site_of(connection).name)
        return next((one.units for one in cells if one.name == cell), units_of(cell))
