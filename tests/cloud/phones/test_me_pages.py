"""A telephone's pages without a browser: who gets in, and what is said to whom."""

import re

from cloud.phones.rule import LINK_LASTS_MS
from tests.cloud.support.pages import words
from tests.cloud.support.phones import LI_SI, SoftPhone, a_phone, link_for, token_of
from tests.cloud.support.town import Town
from tests.cloud.support.who_may import OF_PHONES, filled


def test_office_hands_out_a_link_once(town: Town) -> None:
    with town.visit("office") as office:
        made = office.submit(f"/people/{LI_SI}/phones", f"/people/{LI_SI}")
        assert made.status_code == 200
        assert 'class="qr"' in made.text
        link = re.search(r"/phone/([\w-]+)", made.text)
        assert link
        assert link[1] not in office.get(f"/people/{LI_SI}").text
    with town.visit() as phone:
        shown = words(phone.get(f"/phone/{link[1]}").text)
        assert "With this phone Li Si can open" in shown
        assert phone.post(f"/phone/{link[1]}").headers["location"] == "/me"
        assert "Li Si" in phone.get("/me").text


def test_link_says_why_it_opens_nothing(town: Town) -> None:
    used = link_for(town)
    with town.visit() as phone:
        assert phone.post(f"/phone/{used}").status_code == 303
    old = link_for(town)
    town.now_ms += LINK_LASTS_MS
    with town.visit() as thief:
        for secret, status, said in (
            (used, 410, "used already"),
            (old, 410, "too old"),
            ("x" * 32, 404, "no such link"),
        ):
            for answer in (thief.get(f"/phone/{secret}"), thief.post(f"/phone/{secret}")):
                assert answer.status_code == status
                assert said in words(answer.text)
                assert "Li Si" not in answer.text
        assert "hg_phone" not in thief.cookies


def test_nobody_else_gets_in(town: Town) -> None:
    with town.visit() as stranger, town.visit("admin") as admin:
        for method, path in OF_PHONES:
            for visitor in (stranger, admin):
                answer = visitor.request(method, filled(path))
                assert answer.status_code == 401 or path == "/me/worker.js", path
        assert "This phone is not registered" in stranger.get("/me").text


def test_form_needs_the_token_of_its_login(town: Town) -> None:
    with a_phone(town) as phone, a_phone(town) as other:
        foreign = token_of(other)
        for path in (one for method, one in OF_PHONES if method == "POST"):
            for token in ("", foreign, "§"):
                assert phone.post(filled(path), data={"csrf": token}).status_code == 403, path


def test_cookie_is_for_these_pages_alone(town: Town) -> None:
    secret = link_for(town)
    with town.visit() as phone:
        cookie = phone.post(f"/phone/{secret}").headers["set-cookie"]
    assert "Path=/me" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_page_names_the_key_that_is_known(town: Town) -> None:
    key = SoftPhone()
    with a_phone(town, key=key) as phone:
        known = phone.get("/me/clock").json()
        assert known["now_ms"] == town.now_ms
        assert f'data-key="{known["key"]}"' in phone.get("/me").text
        renewed = SoftPhone()
        token = token_of(phone)
        offer = renewed.offer(token)
        answer = phone.post("/me/key", data={"csrf": token, "key": offer.key, "proof": offer.proof})
        assert answer.headers["location"] == "/me?done=key"
        assert "has a new key" in words(phone.get("/me?done=key").text)
        assert phone.get("/me/clock").json()["key"] != known["key"]


def test_bad_key_changes_nothing(town: Town) -> None:
    with a_phone(town, key=SoftPhone()) as phone:
        before = phone.get("/me/clock").json()["key"]
        answer = phone.post("/me/key", data={"csrf": token_of(phone), "key": "AAAA", "proof": "AAAA"})
        assert answer.status_code == 422
        assert "does not fit" in words(answer.text)
        assert phone.get("/me/clock").json()["key"] == before


def test_phone_without_key_gets_passes_ahead(town: Town) -> None:
    with a_phone(town) as phone:
        page = phone.get("/me").text
    slots = re.search(r'data-held="([^"]+)"', page)
    assert slots
    made = [slot.split(":") for slot in slots[1].split()]
    assert int(made[0][0]) == town.now_ms // 1000
    assert all(re.fullmatch(r"HG1[A-Z2-7]{100,200}", text) for _, text in made)
    assert "<svg" in page, "the first is drawn for browsers without scripts"


def test_logout_ends_the_key(town: Town) -> None:
    with a_phone(town) as phone:
        answer = phone.post("/me/logout", data={"csrf": token_of(phone)})
        assert answer.headers["clear-site-data"] == '"storage"'
        assert phone.get("/me").status_code == 401
    with town.visit("office") as office:
        assert "No phone is registered" in words(office.get(f"/people/{LI_SI}").text)


def test_pages_speak_chinese(town: Town) -> None:
    with a_phone(town, language="zh-CN") as phone:
        assert "李四" in phone.get("/me").text
        assert "我的通行码" in phone.get("/me/pass").text
