"""A sentence is English by itself, and is said in another language with everything that stands in it."""

from zoneinfo import ZoneInfo

from cloud.store.labels import Label
from cloud.web.i18n import CHINESE, ENGLISH, languages
from cloud.web.rejected import Rejected
from cloud.web.sentence import Sentence, there_is

SPOKEN = languages(ZoneInfo("Asia/Shanghai"))


def said(one: str) -> tuple[str, str]:
    return SPOKEN[ENGLISH].sentence(one), SPOKEN[CHINESE].sentence(one)


def test_sentence_within_a_sentence_is_translated_too() -> None:
    there = there_is([f"zone-{number}" for number in range(9)])
    missing = Sentence("there is no %(what)s %(name)s; %(there)s", what=Sentence("zone"), name="roof", there=there)
    names = ", ".join(f"zone-{number}" for number in range(8))
    assert said(missing) == (
        f"there is no zone roof; there is {names} and 1 more",
        f"没有区域 roof；已有：{names.replace(', ', '、')}，另有 1 个",
    )
    assert missing == said(missing)[0]


def test_names_most_like_the_meant_are_listed() -> None:
    """A slip of the fingers is told by the name that was meant, of however many others."""
    points = [*(f"turnstile-{number}" for number in range(30)), "west-gate", "east-gate"]
    assert there_is(points, "west-gaet").startswith("there is west-gate, east-gate and 30 more")
    assert there_is(points, "?").startswith("there is east-gate, turnstile-0, ")
    assert there_is([], "west-gate") == "there is none"


def test_names_are_those_of_the_language() -> None:
    rejected = Rejected("%(name)s pays for this plan already. Nothing was changed.", name=Label("张三", "Zhang San"))
    english, chinese = said(rejected.sentence)
    assert (english, chinese) == (str(rejected), "该方案已由 张三 付费。未作任何更改。")
    assert said(rejected.ground) == ("Zhang San pays for this plan already.", "该方案已由 张三 付费。")


def test_text_of_nobody_stays_as_it_is() -> None:
    assert said("100 % sure") == ("100 % sure", "100 % sure")
    assert said(Sentence("100 % sure")) == ("100 % sure", "100 % sure")
