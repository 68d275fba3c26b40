"""The page of the command lines: every command of every program, with its arguments and options."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

from typer.main import get_command

from service.exit_codes import MEANINGS
from tests.house.commands import SCRIPTS
from tests.house.reference.markdown import Undocumented, code, plain, table

HEAD = ("Argument or option", "Meaning", "Default")


def programs() -> str:
    """How they all end; each program, and below it each of its commands."""
    ends = table(("Exit code", "Meaning"), [[code(end.value), plain(text)] for end, text in MEANINGS.items()])
    exits = f"## Exit codes\n\nOf every command, with `--json` and without.\n\n{ends}"
    return exits + "\n" + "\n".join(_sections(get_command(SCRIPTS[name]), name, "##") for name in sorted(SCRIPTS))


def _sections(command: Any, path: str, level: str) -> str:
    if not command.help:
        raise Undocumented(f"{path} has no help")
    own = f"{level} {path}\n\n{plain(command.help)}\n"
    parameters = [_row(one, path) for one in command.params if not one.hidden]
    if parameters:
        own += f"\n{table(HEAD, parameters)}"
    below = (_sections(one, f"{path} {one.name}", "###") for one in _subcommands(command))
    return "\n".join([own, *below])


def _subcommands(command: Any) -> Iterator[Any]:
    return (one for one in getattr(command, "commands", {}).values() if not one.hidden)


def _row(parameter: Any, path: str) -> list[str]:
    names = parameter.opts if parameter.param_type_name == "option" else [(parameter.metavar or parameter.name).upper()]
    if not parameter.help:
        raise Undocumented(f"{path} does not say what {names[0]} is")
    return [", ".join(map(code, names)), plain(parameter.help), _default(parameter)]


def _default(parameter: Any) -> str:
    """What counts where nothing is given; empty where something must be, or where the meaning says it."""
    if parameter.required:
        return "required"
    value = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    return "" if value in (None, False, "") else code(value)
