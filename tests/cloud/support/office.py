"""Somebody who logs in, guesses and reads the audit, at a clock that the test holds."""

import pytest

from cloud.devices.registry import found_site
from cloud.store.database import Store
from cloud.web import operators
from cloud.web.auth import Authenticator, Role, WrongPassword
from cloud.web.operators import AuditEntry, Login, Operator
from tests.cloud.support.town import PASSWORD, QUICK

HERE, THERE = "192.0.2.7", "192.0.2.8"


class Office:
    """An authenticator whose clock we hold."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now_ms = 1_800_000_000_000
        self.keeper = Authenticator(store, lambda: self.now_ms, QUICK)
        with store.writing() as connection:
            found_site(connection, "sunny-court", "Asia/Shanghai", "晴苑", "Sunny Court")
        self.keeper.add_operator("ling", PASSWORD, Role.STAFF, "setup")

    def log_in(self, password: str = PASSWORD, name: str = "ling", address: str = HERE) -> tuple[str, Login]:
        return self.keeper.log_in(name, password, address)

    def guess(self, times: int, name: str = "ling", address: str = HERE) -> None:
        for _ in range(times):
            with pytest.raises(WrongPassword):
                self.log_in("a wrong password", name, address)

    def operator(self) -> Operator:
        with self.store.reading() as connection:
            found = operators.find_operator(connection, "ling")
        assert found
        return found[0]

    def deeds(self) -> list[AuditEntry]:
        with self.store.reading() as connection:
            return operators.list_audit(connection)[::-1]
