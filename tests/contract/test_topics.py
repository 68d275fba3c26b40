import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.topics import DOWN_CHANNELS, NAME, UP_CHANNELS, Topic, down, parse, up

names = st.from_regex(NAME, fullmatch=True)


@given(names, names, st.sampled_from(UP_CHANNELS))
def test_what_a_device_publishes_on_is_parsed_back(site: str, device: str, channel: str) -> None:
    assert parse(up(site, device, channel)) == Topic(site, device, "up", channel)


@given(names, names, st.sampled_from(DOWN_CHANNELS))
def test_what_the_cloud_publishes_on_is_parsed_back(site: str, device: str, channel: str) -> None:
    assert parse(down(site, device, channel)) == Topic(site, device, "dn", channel)


def test_the_topics_on_the_wire_never_change() -> None:
    assert up("willow-court", "gym-1", "events") == "hg/v1/willow-court/gym-1/up/events"
    assert down("willow-court", "gym-1", "ack") == "hg/v1/willow-court/gym-1/dn/ack"
    assert up("willow-court", "+", "state") == "hg/v1/willow-court/+/up/state"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "hg",
        "hg/v1/site/dev/up",
        "hg/v1/site/dev/up/events/more",
        "/hg/v1/site/dev/up/events",
        "hg/v1/site/dev/up/events/",
        "hg/v1/site/dev/up/events\n",
        "hg/v2/site/dev/up/events",
        "hg/v1/site/dev/sideways/events",
        "hg/v1/site/dev/up/nonsense",
        "hg/v1/site/dev/up/EVENTS",
        "hg/v1//dev/up/events",
        "hg/v1/site//up/events",
        "hg/v1/Site/dev/up/events",
        "hg/v1/site/-dev/up/events",
        "hg/v1/site/de_v/up/events",
        "hg/v1/site/门/up/events",
        "hg/v1/+/dev/up/events",
        "hg/v1/site/+/up/events",
        "hg/v1/site/#",
        "hg/v1/../dev/up/events",
        "hg/v1/site/dev\0/up/events",
        f"hg/v1/{'a' * 41}/dev/up/events",
        "$SYS/broker/clients/connected",
        "a" * 65_535,
    ],
)
def test_a_strange_topic_is_none_of_ours(topic: str) -> None:
    assert parse(topic) is None


@pytest.mark.parametrize("channel", sorted(set(DOWN_CHANNELS) - set(UP_CHANNELS)))
def test_a_device_cannot_speak_as_the_cloud(channel: str) -> None:
    assert parse(up("site", "dev", channel)) is None


@pytest.mark.parametrize("channel", sorted(set(UP_CHANNELS) - set(DOWN_CHANNELS)))
def test_the_cloud_cannot_speak_as_a_device(channel: str) -> None:
    assert parse(down("site", "dev", channel)) is None


@given(st.text(max_size=120) | st.lists(st.text("hgv1/updn+#ab", max_size=9), max_size=8).map("/".join))
def test_any_text_is_parsed_or_none_of_ours(text: str) -> None:
    topic = parse(text)
    assert topic is None or f"hg/v1/{topic.site}/{topic.device}/{topic.way}/{topic.channel}" == text
