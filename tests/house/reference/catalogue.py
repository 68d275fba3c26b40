"""The console's catalogue: every text that asks to be translated, with the Chinese that it has."""

from itertools import groupby
from operator import itemgetter
from pathlib import Path

from babel.messages.extract import extract_from_dir

from cloud.web import words
from cloud.web.i18n import CATALOGUES, read_catalogue
from dev import ROOT

FILE = CATALOGUES / "zh_CN.po"
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "N_": None}
HEAD = r"""# Chinese texts of the console; English is the key. New texts come by `python3 dev.py reference`.
msgid ""
msgstr ""
"Language: zh_CN\n"
"Content-Type: text/plain; charset=utf-8\n"
"""


def texts() -> dict[str, str]:
    """Every text that asks to be translated, and the first file it stands in, below the project's folder."""
    extracted = extract_from_dir(ROOT / "cloud", METHODS, keywords=KEYWORDS)
    found = [(f"cloud/{file}", str(text)) for file, _, text, _, _ in extracted]
    found += [("cloud/web/words.py", text) for text in words.texts()]
    return {text: file for file, text in sorted(found, reverse=True)}


def catalogue(file: Path = FILE) -> str:
    """The catalogue as it is to be: the texts of one file below its name, by their alphabet. New ones have no Chinese
    yet, and what nothing uses is left out. Two who add texts thus seldom add them to the same lines."""
    chinese = read_catalogue(file.read_text("utf-8"))
    listed = sorted((source, text) for text, source in texts().items())
    return HEAD + "".join(
        f"\n# {source}\n" + "".join(_entry(text, chinese.get(text, "")) for _, text in entries)
        for source, entries in groupby(listed, key=itemgetter(0))
    )


def _entry(text: str, chinese: str) -> str:
    return f"\nmsgid {_quoted(text)}\nmsgstr {_quoted(chinese)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
