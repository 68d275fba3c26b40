"""What the commands of ``hearthgate-edge`` share: the options that they all have."""

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from edge.config.kinds import add_kinds
from edge.machine.mendable import mendable
from service.version import version_of


class CommandGroup(TyperGroup):
    """A group of commands: what the user can mend ends any of them with one line."""

    invoke = mendable()(TyperGroup.invoke)


def _find_kinds(folders: list[Path] | None) -> None:
    add_kinds(folders or [])


ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The device's TOML file.")]
KindsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--kinds",
        callback=_find_kinds,
        help="A folder of further kinds: what both sides know of each in its kinds, its station in its stations.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_CONFIG = Path("/etc/hearthgate/device.toml")

VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=version_of("hearthgate-edge"), is_eager=True, help="Print the version and end."),
]
