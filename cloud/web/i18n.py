"""The console's two languages. English is the text in the templates; Chinese is a catalogue read at start."""

import ast
import gettext
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from cloud.store.labels import N_ as N_
from cloud.store.labels import Label
from cloud.web.sentence import NOTHING_CHANGED, Sentence, filled
from contract import sessions as stops
from contract.phrases import Phrase
from contract.reasons import Reason, words
from contract.sessions import Stop

CATALOGUES = Path(__file__).parent / "locale"
ENGLISH, CHINESE = "en", "zh-CN"
SPANS = (
    (86_400_000, N_("%(count)s d")),
    (3_600_000, N_("%(count)s h")),
    (60_000, N_("%(count)s min")),
    (1_000, N_("%(count)s s")),
)
LAST_MS = 253_370_764_800_000
"""The beginning of the year 9999, the last that every time zone can write."""


QUOTED = r'"(?:\\.|[^"\\\n])*"'
TEXTS = re.compile(rf"^msg(?:id|str)\s+({QUOTED}(?:\s+{QUOTED})*)", re.MULTILINE)
"""A text of a catalogue as it is edited (``.po``): no second file has to be compiled from it and kept alike."""


def read_catalogue(text: str) -> dict[str, str]:
    """English text → its translation. Without contexts and plurals, of which the console has none."""
    texts = ["".join(map(ast.literal_eval, re.findall(QUOTED, found))) for found in TEXTS.findall(text)]
    return {english: other for english, other in zip(texts[::2], texts[1::2], strict=True) if english and other}


class Translations(gettext.NullTranslations):
    """The texts of one catalogue; one that is missing there stays English."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__()
        self._texts = texts

    def gettext(self, message: str) -> str:
        return self._texts.get(message, message)


@lru_cache
def translations(catalogue: Path) -> Translations:
    return Translations(read_catalogue(catalogue.read_text("utf-8")))


class Language:
    """One language, and how it writes names, reasons and times. ``code`` is what stands in ``<html lang>``."""

    def __init__(self, code: str, translations: gettext.NullTranslations, zone: ZoneInfo) -> None:
        self.code = code
        self.translations = translations
        self._zone = zone

    @property
    def zone_name(self) -> str:
        """Of the clock that times are written by, such as ``Asia/Shanghai``."""
        return self._zone.key

    def say(self, text: str | Phrase) -> str:
        """A text of the catalogue, one that brings both of its languages, or a sentence with what stands in it."""
        if isinstance(text, Sentence):
            return self.sentence(text)
        if isinstance(text, Phrase):
            return text.in_language(self.code)
        return self.translations.gettext(text) if text else ""

    def sentence(self, said: str) -> str:
        """A sentence, where it knows how it is said in this language; else as it is."""
        if not isinstance(said, Sentence):
            return said
        text = filled(self.say(said.text), said.values, self.sentence, self.label, self.say(N_(", ")))
        return text.removesuffix(self.say(NOTHING_CHANGED)) if said.is_ground else text

    def label(self, label: Label) -> str:
        return label.zh if self.code == CHINESE else label.en

    def knows(self, reason: str) -> bool:
        """Whether it is one of the rule's reasons."""
        return reason in set(Reason)

    def reason(self, reason: str) -> str:
        """The words for a reason; one that this software does not know is shown as it came."""
        return words(Reason(reason), self.code).text if self.knows(reason) else reason

    def remedy(self, reason: str) -> str:
        return words(Reason(reason), self.code).remedy if self.knows(reason) else ""

    def stop(self, reason: str) -> str:
        """The words for why a session ended; one that this software does not know is shown as it came."""
        return stops.words(Stop(reason), self.code).text if reason in set(Stop) else reason.replace("_", " ")

    def local(self, at_ms: int) -> datetime:
        """A time of the site's wall clock. A device whose clock is beside itself is shown the edge of the calendar."""
        return datetime.fromtimestamp(min(max(at_ms, 0), LAST_MS) / 1000, UTC).astimezone(self._zone)

    def moment(self, at_ms: int) -> str:
        """Date and time to the second, the same in both languages."""
        return f"{self.local(at_ms):%Y-%m-%d %H:%M:%S}"

    def brief(self, at_ms: int, now_ms: int) -> str:
        """The time alone for today, month and day before it for any other day."""
        local = self.local(at_ms)
        return f"{local:%H:%M:%S}" if local.date() == self.local(now_ms).date() else f"{local:%m-%d %H:%M}"

    def span(self, span_ms: int) -> str:
        """A length of time in its largest whole unit."""
        unit_ms, text = next((one for one in SPANS if span_ms >= one[0]), SPANS[-1])
        return self.say(text) % {"count": span_ms // unit_ms}

    def clock(self, at_ms: int) -> str:
        """The time of day to the minute."""
        return f"{self.local(at_ms):%H:%M}"

    def minutes(self, count: int) -> str:
        """A length of time to the minute."""
        hours, minutes = divmod(count, 60)
        said = [self.say(SPANS[1][1]) % {"count": hours}] if hours else []
        return " ".join([*said, self.say(SPANS[2][1]) % {"count": minutes}])

    def energy(self, wh: int) -> str:
        return f"{wh} Wh" if wh < 1000 else f"{wh / 1000:.2f} kWh"

    def yuan(self, fen: int) -> str:
        return f"¥{fen / 100:.2f}"

    def day(self, at_ms: int) -> str:
        return f"{self.local(at_ms):%Y-%m-%d}"


def languages(zone: ZoneInfo) -> dict[str, Language]:
    return {
        CHINESE: Language(CHINESE, translations(CATALOGUES / "zh_CN.po"), zone),
        ENGLISH: Language(ENGLISH, gettext.NullTranslations(), zone),
    }


def choose(query: Mapping[str, str], cookies: Mapping[str, str], accepted: str) -> str:
    """The code of the language to answer in: as the address asks, else as before, else as the browser prefers."""
    for asked in (query.get("lang"), cookies.get("hg_lang")):
        if asked in (ENGLISH, CHINESE):
            return asked
    preferred = (part.partition(";")[0].strip().lower() for part in accepted.split(","))
    spoken = (code for tag in preferred if (code := _SPOKEN.get(tag.partition("-")[0])))
    return next(spoken, ENGLISH)


_SPOKEN = {"zh": CHINESE, "en": ENGLISH}
"""By the language of a tag such as ``zh-TW``: a script that differs is read sooner than another language."""
