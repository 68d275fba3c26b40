"""The page of channels: added with a secret that is shown once, tried, and in trouble."""

from collections.abc import Mapping

from cloud.channels.sending import Sender
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

HOOK = {"name": "guards", "url": "https://hook.example/secret-token", "grade": "security"}


def test_channel_is_added_tried_and_removed(town: Town) -> None:
    sent: list[bytes] = []

    def fails(_url: str, _headers: Mapping[str, str], body: bytes) -> str:
        sent.append(body)
        return "HTTP 500"

    sender = Sender(town.store, town.keys, town.clock, fails)
    with town.visit("admin") as admin:
        assert "nobody is called" in words(admin.get("/channels").text)
        added = admin.submit("/channels", "/channels", **HOOK)
        assert "whsec_" in added.text
        page = admin.get("/channels").text
        assert "whsec_" not in page
        assert "secret-token" not in page
        assert admin.submit("/channels/guards/test", "/channels").status_code == 303
        sender.look()
        assert b'"type":"test"' in sent[0]
        assert "takes nothing since 16:00:00: HTTP 500 Messages that wait: 1" in words(admin.get("/channels").text)
        assert admin.submit("/channels/guards/remove", "/channels").status_code == 303
        assert "nobody is called" in words(admin.get("/channels").text)


def test_refused_channel_keeps_what_was_typed(town: Town) -> None:
    with town.visit("admin") as admin:
        answer = admin.submit("/channels", "/channels", **{**HOOK, "url": "https://name:word@host/"})
        assert answer.status_code == 422
        assert "without a name or password" in words(answer.text)
        assert 'value="guards"' in answer.text
