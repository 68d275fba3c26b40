"""A rider at a telephone in Chromium: what a person has to do is counted."""

from playwright.sync_api import Locator, Page

MOST_TAPS, MOST_FIELDS, MOST_S = 6, 2, 30.0
TAP_S, LETTER_S = 1.0, 0.3
"""How long a person takes for one."""


class Rider:
    """Somebody with a telephone, whose taps, letters and typed fields are counted. To reach a field is a tap."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps, self.fields, self.letters = page, 0, 0, 0

    @property
    def takes_s(self) -> float:
        """What they do themselves, without what the software takes."""
        return self.taps * TAP_S + self.letters * LETTER_S

    def tap(self, what: Locator) -> None:
        what.tap()
        self.taps += 1

    def types(self, label: str, text: str) -> None:
        field = self.page.get_by_label(label, exact=True)
        self.tap(field)
        field.press_sequentially(text)
        self.fields += 1
        self.letters += len(text)
