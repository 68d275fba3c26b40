"""The console's catalogue: every text that asks to be translated, with the Chinese that it has."""

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir

from cloud.web import words
from cloud.web.i18n import CATALOGUES, read_catalogue
from dev import ROOT

FILE = CATALOGUES / "zh_CN.po"
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
HEAD = r"""# Chinese texts of the console; English is the key. New texts come by `python3 dev.py reference`.
msgid ""
msgstr ""
"Language: zh_CN\n"
"Content-Type: text/plain; charset=utf-8\n"
"""


def texts() -> Iterator[str]:
    """Every text that asks to be translated."""
    for _, _, found, _, _ in extract_from_dir(ROOT / "cloud", METHODS, keywords={"_": None, "N_": None}):
        assert isinstance(found, str)
        yield found
    yield from words.texts()


def catalogue(file: Path = FILE) -> str:
    """The catalogue as it is to be: new texts stand at its end, without Chinese yet, and what nothing uses is left
    out."""
    chinese, used = read_catalogue(file.read_text("utf-8")), set(texts())
    entries = {text: zh for text, zh in chinese.items() if text in used}
    entries |= dict.fromkeys(sorted(used - chinese.keys()), "")
    return HEAD + "".join(f"\nmsgid {_quoted(text)}\nmsgstr {_quoted(zh)}\n" for text, zh in entries.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
