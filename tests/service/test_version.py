"""What every program says to ``--version``."""

from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from tests.house.commands import SCRIPTS


@pytest.mark.parametrize("program", SCRIPTS)
def test_version_is_told_by_every_program(program: str) -> None:
    told = CliRunner().invoke(SCRIPTS[program], ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"{program} {version('hearthgate')}\n")
