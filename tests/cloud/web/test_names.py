"""Names in one form, without what hides, and look-alikes told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.web.names import UnclearName, clean, clean_login, look


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("8-80e\u0301", "8-80é"),
        ("\uff18-\uff18\uff10", "8-80"),
        ("  Wang\u3000 Li ", "Wang Li"),
        ("王\U00030000", "王\U00030000"),
        ("", ""),
    ],
)
def test_a_name_has_one_form(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@pytest.mark.parametrize("hidden", ["\0", "\u200b", "\u202e", "\u2066", "\ud800", "\u2028", "\x7f", "\ufeff", "a\tb"])
def test_what_cannot_be_seen_is_no_name(hidden: str) -> None:
    with pytest.raises(UnclearName, match=r"U\+[0-9A-F]{4} cannot be seen"):
        clean(f"admin{hidden}")


@pytest.mark.parametrize("typed", ["", "two words", "admіn", "αdmin"])
def test_no_login_is_of_two_words_or_scripts(typed: str) -> None:
    with pytest.raises(UnclearName):
        clean_login(typed)


@pytest.mark.parametrize("typed", ["admin", "王芳", "охрана", "φύλακας", "guard-1", "li王"])
def test_a_login_of_any_one_script_is_kept(typed: str) -> None:
    assert clean_login(typed) == typed


@pytest.mark.parametrize("other", ["Admin", "ADMIN", "\uff21dmin"])
def test_names_that_look_alike_are_told(other: str) -> None:
    assert look(other) == look("admin")
    assert look("сосо") == look("coco"), "of another script as a whole"
    assert look("guard-0") == look("guard-o")
    assert look("王芳") != look("王方")


@given(st.text(max_size=20))
def test_a_clean_name_stays_as_it_is(text: str) -> None:
    try:
        found = clean(text)
    except UnclearName:
        return
    assert clean(found) == found
    found.encode()
