"""Our QR codes, drawn by a real browser, module by module as segno draws them."""

from typing import Any

import pytest
import segno
import segno.encoder
from playwright.sync_api import Page

from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser

LENGTHS = [*range(1, 120, 9), *range(120, 700, 29), 700]
TEXT = ("HG1" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 22)[:700]
ENCODE = """async ([text, lengths]) => {
  const { encode } = await import("/assets/phones/qr.js");
  return lengths.map(length => encode(text.slice(0, length)))
    .map(({ version, mask, dark }) => [version, mask, Array.from(dark).join("")]);
}"""


def drawn_by_segno(text: str, version: int, mask: int) -> str:
    code = segno.make(text, error="m", boost_error=False, micro=False, mode="byte", version=version, mask=mask)
    return "".join(str(module) for row in code.matrix for module in row)


def test_codes_are_those_of_segno(town: Town, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """segno fills a stream that ends at a word's end with one more word of zeros; readers do not care, but the standard
    has none there (ISO/IEC 18004, 7.4.10)."""

    def fill(bits: Any, _version: int, length: int) -> None:
        bits.extend([0] * (-length % 8))

    monkeypatch.setattr(segno.encoder, "write_padding_bits", fill)
    page.goto("/phone/none")
    made = page.evaluate(ENCODE, [TEXT, LENGTHS])
    for length, (version, mask, dark) in zip(LENGTHS, made, strict=True):
        smallest = segno.make(TEXT[:length], error="m", boost_error=False, micro=False, mode="byte").version
        assert version == smallest, length
        assert dark == drawn_by_segno(TEXT[:length], version, mask), length
    assert {version for version, _, _ in made} >= {1, 2, 6, 7, 9, 10, 21}


def test_text_too_long_is_refused(town: Town, page: Page) -> None:
    page.goto("/phone/none")
    said = page.evaluate(
        'async () => { const { encode } = await import("/assets/phones/qr.js");'
        ' try { encode("A".repeat(2000)); } catch (error) { return error.message; } }'
    )
    assert "too long" in said
