"""Every key of a TOML text is found on its line, or the table around it."""

import pytest

from contract.toml_lines import TomlLines

TEXT = """\
flats = "flats.csv"

[site]
name = "moon-court"

[[plan]]
name = "resident"
opens = { home = "always" }

[[plan]]
"quoted key" = 1

[plan.label]
zh = "住户"
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("flats", 1),
        ("site", 3),
        ("site.name", 4),
        ("site.nothing", 3),
        ("plan[0].opens.home", 8),
        ("plan[1]", 10),
        ('plan[1]."quoted key"', 11),
        ("plan[1].label.zh", 14),
        ("plan[1].label.en", 13),
        ("plan[7]", 6),
        ("nothing.at.all", 1),
    ],
)
def test_key_is_found_on_its_line(key: str, line: int) -> None:
    assert TomlLines(TEXT.splitlines()).line(key) == line
