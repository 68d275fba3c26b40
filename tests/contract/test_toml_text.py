"""A text that may be a stranger's is read within bounds, or refused with its line."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import MAX_WIRING_CHARACTERS
from contract.toml_text import MAX_DEPTH, MAX_DIGITS, MAX_ENTRIES, MAX_KEY_PARTS, NotToml, read_toml

SAMPLES = sorted((Path(__file__).parents[2] / "config").glob("*.toml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_our_own_samples_are_read(sample: Path) -> None:
    assert read_toml(sample.read_text()) == tomllib.loads(sample.read_text())


KEY = ".".join("a" * MAX_KEY_PARTS)
WITHIN = {
    "strings": 'a = "x.y = [{ # \\" 99999999999999999999"\nb = \'\'\'\n"[[[["\n\'\'\'\nc = """\n\\"""" # "\n"d.e" = 1',
    "key": f"{KEY} = 1",
    "depth": "a = " + "[" * MAX_DEPTH + "]" * MAX_DEPTH,
    "digits": "a = -" + "9" * MAX_DIGITS,
    "entries": "\n".join(f"k{number} = 1" for number in range(MAX_ENTRIES)),
    "long name": "a" * 1000 + "9" * 900 + " = 1",
}


ONE_MORE = {
    "line": (f"# {'a' * 1998}", "# " + "a" * 1999, "a line of"),
    "key": (f"{'a.' * 11}a = 1", f"{'a.' * 12}a = 1", "a key of more than 12 parts"),
    "depth": ("a = " + "[" * 12 + "]" * 12, "a = " + "[" * 13 + "]" * 13, "nested deeper than 12"),
    "digits": ("a = " + "9" * 18, "a = " + "9" * 19, "a number of more than 18"),
    "hexadecimal digits": ("a = 0x" + "f" * 17, "a = 0x" + "f" * 18, "a number of more than 18"),
    "entries": ("a=1\n" * 3_999, "a=1\n" * 4_001, "more than 4000 keys"),
    "size": ("#\n" * 32 * 1024, "#\n" * 32 * 1024 + "#", "65537 characters"),
}
"""The most that is read, and what is refused. The bounds stand here in figures, so that none is moved by a slip."""


@pytest.mark.parametrize(("most", "more", "problem"), ONE_MORE.values(), ids=ONE_MORE)
def test_each_bound_is_where_it_is_said(most: str, more: str, problem: str) -> None:
    with pytest.raises(NotToml, match=problem):
        read_toml(more)
    try:
        read_toml(most)
    except NotToml as wrong:
        assert "this is not TOML" in wrong.problem, "the parser has read it"


@pytest.mark.parametrize("wrong", [RecursionError("too deep"), ValueError("too many digits")], ids=repr)
def test_what_else_python_refuses_is_named(wrong: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is known that gets so far; one that a later Python refuses must not be an error of ours."""

    def loads(_text: str) -> None:
        raise wrong

    monkeypatch.setattr(tomllib, "loads", loads)
    with pytest.raises(NotToml, match=str(wrong)):
        read_toml("a = 1")


@pytest.mark.parametrize("text", WITHIN.values(), ids=WITHIN)
def test_what_is_within_the_bounds_is_read(text: str) -> None:
    assert read_toml(text) == tomllib.loads(text)


BEYOND = {
    "a dotted key of 62 KB": ("a." * 31_000 + "a=1", 1, "a line of"),
    "many dotted keys": (f"a = 1\n{KEY}.a = 1", 2, "a key of more than"),
    "a dotted table": (f"a = 1\n[{KEY}.a]", 2, "a key of more than"),
    "a dotted key in a table": (f"a = 1\nb = {{ {KEY}.a = 1 }}", 2, "a key of more than"),
    "arrays in arrays": ("a = " + "[" * (MAX_DEPTH + 1), 1, "nested deeper than"),
    "tables in tables": ("a = " + "{ a = " * (MAX_DEPTH + 1), 1, "nested deeper than"),
    "5,000 digits": ("a = " + "9" * 1900 + "\n", 1, "a number of more than"),
    "digits apart": ("a = " + "9_" * 900 + "9\n", 1, "a number of more than"),
    "hexadecimal digits": ("a = 0x" + "f" * 1900, 1, "a number of more than"),
    "the digits of a fraction": ("a = 0." + "9" * 1900, 1, "a number of more than"),
    "keys without end": ("\n".join(f"k{number} = 1" for number in range(MAX_ENTRIES + 1)), 4001, "more than 4000"),
    "tables without end": ("[[a]]\n" * MAX_ENTRIES, 2001, "more than 4000"),
    "too long": ("#\n" * MAX_WIRING_CHARACTERS, 1, "131072 characters"),
    "a string without end": ("a = 1\nb = '''" + "\n'a" * 20_000, 2, "a string that does not end"),
    "no date": ("a = 2026-02-30", 1, "this is not TOML"),
    "no TOML": ("a = 1\nb", 2, "this is not TOML"),
}


@pytest.mark.parametrize(("text", "line", "problem"), BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(NotToml) as wrong:
        read_toml(text)
    assert wrong.value.line == line
    assert problem in wrong.value.problem


pieces = st.sampled_from(
    ['"', "'", '"""', "'''", "\\", "#", "\n", ".", "=", "[", "]", "[[", "]]", "{", "}", ",", "a", "b1", "9", " ", "0x"]
)


@given(st.lists(pieces, max_size=60).map("".join) | st.text(max_size=200))
def test_any_small_text_is_read_as_standard_does(text: str) -> None:
    """Whatever is within the bounds means what the standard's parser says, and nothing raises anything else."""
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(NotToml):
            read_toml(text)
        return
    try:
        assert read_toml(text) == expected
    except NotToml as wrong:
        assert any(word in wrong.problem for word in ("deeper", "parts", "digits"))
