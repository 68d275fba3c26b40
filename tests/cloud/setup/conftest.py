"""A community that was founded, and the service of its setup."""

import pytest

from cloud.devices.registry import Site
from cloud.founding import found_community
from cloud.setup.service import SetupService
from cloud.setup_tables import SETUP_TABLES
from cloud.store.database import Store
from cloud.store.labels import Label
from cloud.web.auth import Authenticator, Role
from tests.cloud.support.town import NOW_MS, PASSWORD, QUICK

SITE = Site("moon-court", "Asia/Shanghai", Label("月苑", "Moon Court"))


def found(store: Store) -> None:
    """Moon Court as ``init`` makes it, with its operators."""
    with store.writing() as connection:
        found_community(connection, SITE, NOW_MS)
    authenticator = Authenticator(store, lambda: NOW_MS, QUICK)
    for name, role in (("admin", Role.ADMIN), ("gate", Role.GUARD)):
        authenticator.add_operator(name, PASSWORD, role, "command line")


def service_over(store: Store) -> SetupService:
    return SetupService(store, lambda: NOW_MS, SETUP_TABLES)


@pytest.fixture
def founded(store: Store) -> Store:
    found(store)
    return store


@pytest.fixture
def setup(founded: Store) -> SetupService:
    return service_over(founded)
