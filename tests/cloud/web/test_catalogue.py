"""What is read of a catalogue is what the tool reads that edits it."""

import io

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from hypothesis import given
from hypothesis import strategies as st

from cloud.web.i18n import CATALOGUES, read_catalogue

WORDS = st.text(st.sampled_from('ab "\\\n\té满%(n)s#'), min_size=1, max_size=120)


def by_babel(text: str) -> dict[str, str]:
    read = read_po(io.BytesIO(text.encode()), abort_invalid=True)
    return {str(one.id): str(one.string) for one in read if one.id and one.string}


def test_catalogue_reads_like_babel() -> None:
    text = (CATALOGUES / "zh_CN.po").read_text("utf-8")
    assert len(read_catalogue(text)) > 150
    assert read_catalogue(text) == by_babel(text)


@given(st.dictionaries(WORDS, WORDS, max_size=5))
def test_any_text_survives_the_catalogue(texts: dict[str, str]) -> None:
    catalogue, written = Catalog(), io.BytesIO()
    for english, other in texts.items():
        catalogue.add(english, other, user_comments=["msgid no text"])
    write_po(written, catalogue)
    assert read_catalogue(written.getvalue().decode()) == by_babel(written.getvalue().decode())


def test_a_missing_translation_is_no_empty_text() -> None:
    assert read_catalogue('msgid "Open"\nmsgstr ""\n') == {}


def test_half_an_entry_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        read_catalogue('msgid "Open"\n')
