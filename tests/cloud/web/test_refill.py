"""A refused form is shown again as it was typed, whatever page it stands on."""

from html import unescape
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from cloud.web.refill import refilled

PAGE = """<p>Before &amp;\u2028 after</p>
<details><summary>Set</summary>
<form method="post" action="/pin"><input type="hidden" name="csrf" value="token">
<input name="label" value="old" maxlength="60"><input name="pin" type="password">
<input type="checkbox" name="payer" value="1" checked><input type="checkbox" name="adult" value="1">
<select name="plan"><option value="a" selected>A</option><option value="b">B</option></select>
<select name="format"><option>H10301</option><option>H10302</option></select>
<textarea name="text">old</textarea></form></details>
<details><form method="post"><input name="find" value="">
<button formaction="/choose?to=%2Fguard&amp;say=Go">Find</button>
</form></details>
<details><form method="post" action="/other"><input name="label" value="another"></form></details>
"""
SENT = [
    ("csrf", "stolen"),
    ("label", 'a "b" <c>'),
    ("pin", "4815"),
    ("adult", "1"),
    ("plan", "b"),
    ("format", "H10302"),
]


def test_refused_form_keeps_what_was_typed() -> None:
    page = refilled(PAGE, "/pin", [*SENT, ("text", "1 < 2\n")])
    assert '<input name="label" value="a &quot;b&quot; &lt;c&gt;" maxlength="60">' in page
    assert '<option value="a">A</option><option value="b" selected>' in page
    assert "<option>H10301</option><option selected>H10302" in page
    assert 'name="payer" value="1"><input type="checkbox" name="adult" value="1" checked>' in page
    assert '<textarea name="text">\n1 &lt; 2\n</textarea>' in page


def test_refused_form_is_unfolded_alone() -> None:
    page = refilled(PAGE, "/pin", SENT)
    assert page.count("<details open>") == 1
    assert "<details open><summary>Set" in page
    assert '<input name="label" value="another">' in page
    assert refilled(PAGE, "/nowhere", SENT) == PAGE


def test_one_of_several_forms_is_meant() -> None:
    row = '<form action="/row"><input type="hidden" name="id" value="{0}"><input name="text" value="{0}"></form>'
    page = '<form action="/row"><input name="id"><input name="text"></form>' + row.format(1) + row.format(2)
    assert refilled(page, "/row", [("id", "2"), ("text", "new")]) == page.replace(
        '"text" value="2"', '"text" value="new"'
    )
    assert refilled(page, "/row", [("id", "9"), ("text", "")]).startswith(
        '<form action="/row"><input name="id" value="9">'
    )


def test_secrets_are_never_filled_in() -> None:
    page = refilled(PAGE, "/pin", SENT)
    assert "4815" not in page
    assert "stolen" not in page


def test_form_that_leads_on_elsewhere_is_kept() -> None:
    """A button that first finds a person, and then sends the form on."""
    assert '<details open><form method="post"><input name="find" value="Li">' in refilled(
        PAGE, "/guard", [("find", "Li")]
    )


class _Fields(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.label = self.text = ""
        self._within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given_as = dict(attrs)
        if given_as.get("name") == "label" and not self.label:
            self.label = given_as["value"] or ""
        self._within = tag == "textarea"

    def handle_endtag(self, tag: str) -> None:
        self._within = False

    def handle_data(self, data: str) -> None:
        self.text += data if self._within else ""


@given(st.text(st.sampled_from("a<>&\"' \né门/="), min_size=1), st.text(st.sampled_from("a<>&\"' é门/=")))
def test_any_text_is_given_back(label: str, text: str) -> None:
    page = refilled(PAGE, "/pin", [("label", label), ("text", text)])
    read = _Fields(page)
    assert (read.label, read.text.removeprefix("\n")) == (label, text)
    assert unescape(page).count("<form") == unescape(PAGE).count("<form") + (label + text).count("<form")
