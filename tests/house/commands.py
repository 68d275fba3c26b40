"""Reads the commands that a Markdown page shows, and tells those that do not exist."""

import functools
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

import cloud.cli
import dev
import edge.cli
import firmware_sim.cli

BLOCK = re.compile(r"^ *```(?P<kind>sh|bash|console)(?P<mark> run)?\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL)
SCRIPTS = {"hearthgate-edge": edge.cli.app, "hearthgate-cloud": cloud.cli.app, "hearthgate-sim": firmware_sim.cli.app}
PLAIN = {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
"""The surroundings of a command that is to print plain text on wide lines."""
SYSTEM_PROGRAMS = {
    *("cat", "cd", "chmod", "chown", "cp", "echo", "install", "ln", "ls", "mkdir", "mv", "nano", "rm"),
    *("sh", "tar", "tee"),
    *("apt", "curl", "docker", "git", "jq", "make", "openssl", "pip", "pipx", "python3", "sqlite3", "ssh", "uv"),
    *("adduser", "journalctl", "reboot", "systemctl", "timedatectl", "useradd", "usermod"),
    *("gpioinfo", "mosquitto", "mosquitto_pub", "mosquitto_sub", "pinctrl", "raspi-config"),
}
TOGETHER = {"|", "||", "&", "&&", ";"}


@dataclass(frozen=True)
class Block:
    """One fenced block of commands; `runs` when it is marked `sh run`."""

    text: str
    console: bool
    runs: bool

    @property
    def lines(self) -> list[str]:
        """The commands, a line each. In a console block only the lines with a prompt are commands."""
        whole = self.text.replace("\\\n", " ").splitlines()
        if self.console:
            return [line.strip()[2:] for line in whole if line.strip().startswith("$ ")]
        return [line for line in whole if line.strip()]


def blocks(page: str) -> list[Block]:
    return [Block(m["text"], m["kind"] == "console", bool(m["mark"])) for m in BLOCK.finditer(page)]


def commands(line: str) -> list[list[str]]:
    """The commands of one line, each as its words: `sudo -u me A=1 /bin/x -y | z` is `x -y` and `z`."""
    lexer = shlex.shlex(re.sub(r"\bsudo -u \w+", "sudo", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in TOGETHER:
            found.append([])
        elif found[-1] or not (word == "sudo" or re.match(r"\w+=", word)):
            found[-1].append(word)
    return [[program.rpartition("/")[2], *rest] for program, *rest in filter(None, found)]


def complaint(words: list[str]) -> str | None:
    """Why a command cannot be what a reader should type, or None."""
    program, *rest = words
    if [program, *rest[:1]] == ["python3", "dev.py"]:
        return dev_complaint(rest[1:])
    if program in SCRIPTS:
        return script_complaint(program, rest)
    return None if program in SYSTEM_PROGRAMS else f"no program {program}"


def dev_complaint(words: list[str]) -> str | None:
    name = words[0] if words else ""
    if name == "demo":
        return script_complaint("hearthgate-sim", words)
    if name not in dev.COMMANDS:
        return f"no command dev.py {name}"
    return unknown_option(words[1:], dev.__doc__ or "")


def script_complaint(program: str, words: list[str]) -> str | None:
    """Follows the words into the subcommands, then looks for each option in that one's help."""
    path = [program]
    shown = help_of(*path)
    while shown and " COMMAND " in usage_line(shown) and words and not words[0].startswith("-"):
        path.append(words[0])
        words = words[1:]
        shown = help_of(*path)
    return unknown_option(words, shown) if shown else f"no command {' '.join(path)}"


def usage_line(shown: str) -> str:
    return next((line for line in shown.splitlines() if "Usage:" in line), "")


def unknown_option(words: list[str], shown: str) -> str | None:
    options = [word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]
    known = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", shown)) | {"--help"}
    return next((f"no option {option}" for option in options if option not in known), None)


@functools.cache
def help_of(*path: str) -> str:
    """The help of one command, or nothing where there is no such command.

    Only each script itself is started: a start takes a second, and the pages show many of their commands.
    """
    program, *words = path
    if not words:
        return run([program, "--help"]).stdout
    done = CliRunner(env=PLAIN).invoke(SCRIPTS[program], [*words, "--help"], prog_name=program)
    return done.stdout if done.exit_code == 0 else ""


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command from the project's folder, with the programs of this environment in front."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, **PLAIN, "PATH": path}
    return subprocess.run(
        command, cwd=dev.ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
