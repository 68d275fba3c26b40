"""Names that people type: one form for each, none that hides something, and what tells look-alikes.

Cyrillic and Greek share letters with Latin. A name in one of these scripts is as good as any, unless another looks the
same; a mixture of them is none.
"""

import unicodedata

from cloud.web.sentence import N_, Sentence

_LATIN_OF = str.maketrans("авекмнорстухіјѕԁԛԝһѵӏαεικνορτυχωϲ01", "abekmhopctyxijsdqwhvlaeikvoptuxwcol")
"""After case folding: the Latin letter that each is taken for."""
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Control characters, invisible and turning ones, halves of a character, breaks of a line."""
_ALIKE = {"LATIN", "CYRILLIC", "GREEK"}


class UnclearName(ValueError):
    """The text is no name. Its first argument is a sentence that says why."""


def clean(text: str) -> str:
    """The text in its one form: composed, of ordinary width, without space around it or twice inside.

    Raises ``UnclearName`` for what cannot be seen, or turns what stands beside it.
    """
    cleaned = " ".join(unicodedata.normalize("NFKC", text).split())
    hidden = next((sign for sign in (*text, *cleaned) if unicodedata.category(sign) in _HIDDEN), None)
    if hidden is not None:
        raise UnclearName(Sentence(N_("%(sign)s cannot be seen in a name"), sign=f"U+{ord(hidden):04X}"))
    return cleaned


def clean_text(text: str, most: int) -> str:
    """The same of a text that is shown as a name, of at most so many characters. Raises ``UnclearName``."""
    shown = clean(text)
    if len(shown) > most:
        raise UnclearName(Sentence(N_("a name has at most %(most)s characters"), most=most))
    return shown


def clean_login(text: str) -> str:
    """The name of an operator: one word, and not of two scripts that look alike. Raises ``UnclearName``."""
    cleaned = clean(text)
    if not cleaned or " " in cleaned:
        raise UnclearName(Sentence(N_("a name to log in with is one word")))
    scripts = {unicodedata.name(sign, "").partition(" ")[0] for sign in cleaned if sign.isalpha()}
    if len(scripts & _ALIKE) > 1:
        raise UnclearName(Sentence(N_("the letters are of two scripts that look alike")))
    return cleaned


def look(text: str) -> str:
    """What two names share that a person cannot tell apart."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_LATIN_OF)
