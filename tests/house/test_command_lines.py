"""Every command can be read by a program, and every way in which it ends is told."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from service.exit_codes import MEANINGS, Exit
from tests.house.commands import SCRIPTS

GO_ON = {
    *("hearthgate-cloud serve", "hearthgate-edge run", "hearthgate-edge keeper", "hearthgate-sim board"),
    *("hearthgate-sim device", "hearthgate-sim panel", "hearthgate-sim post-proxy"),
}
"""Programs that run until they are stopped, and what they print is their log."""


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    for name, one in (below or {}).items():
        yield from leaves(one, f"{path} {name}")


COMMANDS = dict(found for name, app in SCRIPTS.items() for found in leaves(get_command(app), name))


@pytest.mark.parametrize("path", sorted(COMMANDS.keys() - GO_ON))
def test_command_prints_json(path: str) -> None:
    assert any("--json" in one.opts for one in COMMANDS[path].params)


def test_programs_that_go_on_are_commands() -> None:
    assert COMMANDS.keys() >= GO_ON


def test_every_exit_code_has_its_meaning() -> None:
    assert list(MEANINGS) == list(Exit)
