"""The page of those who may log in: an administrator changes it, an auditor reads it."""

import re

from cloud.web.operators import list_operators
from cloud.web.roles import Role
from tests.cloud.support.pages import words
from tests.cloud.support.town import PASSWORD, Town

SHOWN = re.compile(r"shown only now: ([\w-]{16})")


def roles(town: Town) -> dict[str, tuple[str, str, bool]]:
    with town.store.reading() as connection:
        return {one.name: (one.role, one.of, one.disabled) for one in list_operators(connection)}


def test_added_operator_logs_in_with_the_shown_password(town: Town) -> None:
    with town.visit("admin") as admin, town.visit() as visitor:
        page = admin.submit("/operators", "/operators", name="night", role="steward", of="gym")
        shown = SHOWN.search(words(page.text))
        assert shown
        assert shown[1] not in admin.get("/operators").text
        assert visitor.log_in("night", shown[1]).status_code == 303
        assert visitor.get("/doors").status_code == 200
    assert roles(town)["night"] == (Role.STEWARD, "gym", False)


def test_role_without_its_part_is_refused(town: Town) -> None:
    with town.visit("admin") as admin:
        for role, of in (("steward", ""), ("steward", "nowhere"), ("guard", "gym"), ("clerk", "x"), ("king", "")):
            answer = admin.submit("/operators", "/operators", name="night", role=role, of=of)
            assert answer.status_code == 422, role
    assert "night" not in roles(town)


def test_changed_role_counts_in_the_next_request(town: Town) -> None:
    with town.visit("admin") as admin, town.visit("gate") as guard:
        assert guard.get("/calendar").status_code == 200
        assert admin.submit("/operators/gate/role", "/operators", role="steward", of="gym").status_code == 303
        assert guard.get("/calendar").status_code == 403
        assert guard.get("/points/gym-turnstile").status_code == 200


def test_disabled_operator_is_out_at_once(town: Town) -> None:
    with town.visit("admin") as admin, town.visit("gate") as guard:
        assert admin.submit("/operators/gate/disable", "/operators").status_code == 303
        assert guard.get("/account").status_code == 303
        assert guard.log_in("gate").status_code == 401
        assert admin.submit("/operators/gate/enable", "/operators").status_code == 303
        assert guard.log_in("gate").status_code == 303
        assert admin.submit("/operators/gate/logout", "/operators").status_code == 303
        assert guard.get("/account").status_code == 303
        assert admin.submit("/operators/gate/remove", "/operators").status_code == 303
    assert "gate" not in roles(town)


def test_nobody_changes_themselves_or_the_last_admin(town: Town) -> None:
    town.authenticator.add_operator("boss", PASSWORD, Role.ADMIN, "setup")
    with town.visit("admin") as admin, town.visit("boss") as boss:
        for change in ("role", "disable", "remove", "logout"):
            assert admin.submit(f"/operators/admin/{change}", "/operators", role="guard").status_code in (409, 422)
        assert boss.submit("/operators/admin/role", "/operators", role="guard").status_code == 303
        assert admin.get("/operators").status_code == 403
    assert roles(town)["boss"] == (Role.ADMIN, "", False)


def test_page_says_who_logged_in_last(town: Town) -> None:
    with town.visit("auditor") as auditor:
        page = auditor.get("/operators").text
    assert "Has not logged in yet." in page
    assert "Last login" in page
    assert "<form" not in page
