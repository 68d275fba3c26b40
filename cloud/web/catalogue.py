"""Reads a gettext catalogue as it is edited (``.po``): no second file has to be compiled from it and kept alike."""

import ast
import re

QUOTED = r'"(?:\\.|[^"\\\n])*"'
TEXTS = re.compile(rf"^msg(?:id|str)\s+({QUOTED}(?:\s+{QUOTED})*)", re.MULTILINE)


def read_catalogue(text: str) -> dict[str, str]:
    """English text → its translation. Without contexts and plurals, of which the console has none."""
    texts = ["".join(map(ast.literal_eval, re.findall(QUOTED, found))) for found in TEXTS.findall(text)]
    return {english: other for english, other in zip(texts[::2], texts[1::2], strict=True) if english and other}
