"""Fills a refused form in again: its page is made as always, and the form on it gets back what was typed.

So no page can forget it. What is secret, hidden or a file is left as the page has it.
"""

import re
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser
from itertools import accumulate
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

UNTOUCHED = frozenset({"hidden", "password", "file"})
TICKED = frozenset({"checkbox", "radio"})

Fields = Sequence[tuple[str, str]]
"""What was sent, one name as often as it was."""


class _Edit(NamedTuple):
    """The text that stands in place of so many characters."""

    place: int
    length: int
    text: str


class _Tag(NamedTuple):
    name: str
    attributes: dict[str, str | None]
    place: int
    text: str

    @property
    def end(self) -> int:
        return self.place + len(self.text)

    def with_flag(self, flag: str, *, is_set: bool) -> _Edit:
        bare = re.sub(rf"\s{flag}(?=[\s>])", "", self.text)
        return _Edit(self.place, len(self.text), f"{bare[:-1]} {flag}>" if is_set else bare)

    def with_value(self, value: str) -> _Edit:
        written, had = f' value="{escape(value)}"', re.search(r'\svalue="[^"]*"', self.text)
        begin, end = had.span() if had else (len(self.text) - 1,) * 2
        return _Edit(self.place, len(self.text), self.text[:begin] + written + self.text[end:])


class _PageForm(Struct):
    """A form that is being read, the folds that it stands in, and its fields, each with the text within."""

    folds: Sequence[_Tag]
    actions: list[str]
    fields: list[tuple[_Tag, str]]

    def given(self) -> set[tuple[str, str]]:
        """What it sends without anybody's doing: by that, forms of one action are told apart."""
        fields = [tag.attributes for tag, _ in self.fields]
        fixed = [one for one in fields if one.get("type") == "hidden" or "readonly" in one]
        return {(one.get("name") or "", one.get("value") or "") for one in fixed if one.get("name") != "csrf"}


def refilled(page: str, action: str, sent: Fields) -> str:
    """The page with what was sent to ``action`` in its form again, and the folds open in which that stands. Of several
    forms with that action it is the one whose hidden and fixed fields were sent."""
    meant = [form for form in _Reader(page).forms if action in form.actions and form.given() <= set(sent)]
    closest = max((len(form.given()) for form in meant), default=0)
    edits = {edit for form in meant if len(form.given()) == closest for edit in _edits(form, sent)}
    for edit in sorted(edits, reverse=True):
        page = page[: edit.place] + edit.text + page[edit.place + edit.length :]
    return page


class _Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[_PageForm] = []
        self._folds: list[_Tag] = []
        self._open: dict[str, tuple[_Tag, int]] = {}
        self._lines = [0, *accumulate(len(line) + 1 for line in page.split("\n"))]
        self._page = page
        self.feed(page)

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        tag = _Tag(name, dict(attributes), self._place(), self.get_starttag_text() or "")
        if name == "details":
            self._folds.append(tag)
        elif name == "form":
            self.forms.append(_PageForm([*self._folds], [tag.attributes.get("action") or ""], []))
        elif name == "button" and self.forms:
            self.forms[-1].actions += _leads_to(tag.attributes.get("formaction") or "")
        elif name in ("input", "select") and self.forms:
            self.forms[-1].fields.append((tag, ""))
        elif name in ("option", "textarea"):
            self._open[name] = (tag, tag.end)

    def handle_endtag(self, name: str) -> None:
        if name == "details" and self._folds:
            self._folds.pop()
        elif name in self._open and self.forms:
            tag, begin = self._open.pop(name)
            self.forms[-1].fields.append((tag, self._page[begin : self._place()]))


def _leads_to(address: str) -> list[str]:
    """Where a button sends the form: also by the page that finds a person first."""
    parts = urlsplit(address)
    return [parts.path, *parse_qs(parts.query).get("to", [])] if address else []


def _edits(form: _PageForm, sent: Fields) -> list[_Edit]:
    edits = [fold.with_flag("open", is_set=True) for fold in form.folds]
    values, within = dict(sent), ""
    for tag, text in form.fields:
        name, kind = tag.attributes.get("name") or "", tag.attributes.get("type") or "text"
        if tag.name == "select":
            within = name
        elif tag.name == "option" and within in values:
            value = tag.attributes.get("value")
            edits.append(tag.with_flag("selected", is_set=(within, text if value is None else value) in sent))
        elif tag.name == "textarea" and name in values:
            edits.append(_Edit(tag.end, len(text), "\n" + escape(values[name])))
        elif tag.name == "input" and kind in TICKED:
            edits.append(tag.with_flag("checked", is_set=(name, tag.attributes.get("value") or "on") in sent))
        elif tag.name == "input" and kind not in UNTOUCHED and name in values:
            edits.append(tag.with_value(values[name]))
    return edits
