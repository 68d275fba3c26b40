"""A test's name is read in a list of thousands: `test_<thing>_<behaviour>`, at most eight words. The story
is told by its docstring."""

import ast

from dev import ROOT
from tests.house.sources import files, relative

MOST_WORDS = 8
OLD = frozenset((ROOT / "tests/house/long_test_names.txt").read_text(encoding="utf-8").split())
"""Longer names from before the rule. Nothing is added to them; whoever touches such a test shortens its name."""


def long_names(source: str) -> list[str]:
    """The names of tests in a module that have too many words."""
    names = (
        node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [name for name in names if name.startswith("test_") and name.count("_") > MOST_WORDS]


def test_names_of_tests_are_short() -> None:
    modules = files("tests", suffix=".py")
    found = {relative(file): long_names(file.read_text(encoding="utf-8")) for file in modules}
    assert [f"{name} in {file}" for file, names in found.items() for name in names if name not in OLD] == []


def test_ninth_word_of_a_name_is_found() -> None:
    assert long_names("def test_one_two_three_four_five_six_seven_eight(): ...") == []
    assert long_names("async def test_a_b_c_d_e_f_g_h_i(): ...") == ["test_a_b_c_d_e_f_g_h_i"]
