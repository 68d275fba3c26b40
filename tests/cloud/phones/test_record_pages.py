"""What a telephone shows of its person's own doings, and of nobody else's."""

import re

from tests.cloud.support.hub import DEVICE, SESSION, RidersHub
from tests.cloud.support.pages import words
from tests.cloud.support.phones import CHILD, LI_SI, a_phone, token_of
from tests.cloud.support.town import Town

SUN_QI = 10


def test_visits_are_ones_own_with_reasons(town: Town) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    town.happens("access.refused", reason="expired", holder=town.holder("Li Si"))
    town.happens("access.refused", reason="no_quota", holder=town.holder("Li Xiaowu"))
    with a_phone(town) as payer:
        shown = words(payer.get("/me/visits").text)
        assert "This membership has ended" in shown
        assert shown.count("Gym turnstile") == 2, "a payer sees no other adult's visits"
    with a_phone(town, CHILD, language="zh-CN") as other:
        assert other.get("/me/visits").text.count("<time") == 1


def test_end_of_charging_is_in_plain_words(town: Town) -> None:
    hub = RidersHub(town)
    hub.ends(point="phone-2", session="ffeeddccbbaa0099")
    with a_phone(town, SUN_QI, language="zh-CN") as phone:
        assert "使用结束 已充满" in words(phone.get("/me/visits").text)


def test_long_list_goes_on(town: Town) -> None:
    for _ in range(31):
        town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    with a_phone(town) as phone:
        first = phone.get("/me/visits").text
        older = re.search(r'href="(/me/visits\?before=\d+)"', first)
        assert older
        assert (first.count("<time"), phone.get(older[1]).text.count("<time")) == (30, 1)


def test_who_looked_is_shown(town: Town) -> None:
    with a_phone(town) as phone:
        assert "Nobody so far" in words(phone.get("/me/looks").text)
        with town.visit("office") as office:
            office.submit(f"/people/{LI_SI}/look", f"/people/{LI_SI}/look", purpose="damage", back="/events")
        shown = words(phone.get("/me/looks").text)
    assert "office" in shown
    assert "damage" in shown.lower()


def test_own_charging_is_stopped(town: Town) -> None:
    hub = RidersHub(town)
    hub.charges()
    with a_phone(town, SUN_QI) as phone, a_phone(town, LI_SI) as stranger:
        assert "Phone socket 1" in phone.get("/me/charging").text
        assert "Phone socket 1" not in stranger.get("/me/charging").text
        asked = {"device": DEVICE, "session": SESSION}
        refused = stranger.post("/me/charging/stop", data={"csrf": token_of(stranger), **asked})
        assert "not yours" in words(refused.text)
        assert town.published == []
        stopped = phone.post("/me/charging/stop", data={"csrf": token_of(phone), **asked})
        assert stopped.headers["location"] == "/me/charging?done=stop"
        ((topic, payload, retained),) = town.published
        assert topic.endswith(f"{DEVICE}/dn/command")
        assert b"session_stop" in payload
        assert not retained
        hub.ends()
        ended = phone.post("/me/charging/stop", data={"csrf": token_of(phone), **asked})
        assert "has ended already" in words(ended.text)


def test_socket_out_of_reach_is_not_asked(town: Town) -> None:
    RidersHub(town).charges()
    with a_phone(town, SUN_QI) as phone:
        town.broker_is_there = False
        asked = {"csrf": token_of(phone), "device": DEVICE, "session": SESSION}
        assert "pull the plug" in words(phone.post("/me/charging/stop", data=asked).text)
    assert town.published == []
