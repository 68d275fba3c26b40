#!/usr/bin/env python3
"""Runs Hearthgate from a fresh checkout. Needs Python 3.11 to 3.14 and nothing else.

  python3 dev.py demo [--self-check] [--json] ...   the whole community on this machine; Ctrl-C ends it
  python3 dev.py test [--all] [PYTEST ARGUMENT ...] lint, types and tests; --all runs the slow ones too
  python3 dev.py bench [--json|--write] [NAME ...]  the figures of the README; without a name, all of them
  python3 dev.py bench --against REF [--minutes N]  the processor time of each beside that of another commit
  python3 dev.py fmt                                put the code in its one format
  python3 dev.py reference                          write docs/reference, the catalogue and the README's tables
  python3 dev.py lock [--upgrade]                   write both locks anew; needs uv

Each first makes the environment in .venv, with exactly the packages of requirements-dev.lock, if it
is not there or no longer fits. With CI=true in the environment a missing tool or a skipped test is an error.
The tests run side by side; `test -n 0 tests/edge -k roster` runs some of them one after the other.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "made-from"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements-dev.lock"
RUNTIME_LOCK = ROOT / "requirements.lock"
"""What the programs need: the image installs it. The other holds the same versions of it, and the tools."""
INTERPRETER = os.path.realpath(sys.executable)
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
TICK_S = 2.0
MAKING = ("an empty environment", "the packages of requirements.lock", "Hearthgate itself")
"""What each of the commands that make the environment brings."""
DEMO_HELP = """\
Usage: python3 dev.py demo [OPTIONS]

Run a whole community on this machine: broker, cloud, five devices, their hardware and some people. Ctrl-C ends it.

  --self-check       Tell the story without a person, in a minute or two; exit 1 if it fails.
  --json             With --self-check: the last line is one object.
  --state FOLDER     Where the demo keeps its files. [default: .demo]
  --port N           Of the console. [default: 8400]
  --panel-port N     Of the panel with the simulated hardware. [default: 8401]
  --password WORD    Of the operator admin. [default: a new one at every start]
  --open             Open the console in a browser.
"""


def fail(message: str) -> NoReturn:
    """Ends with one line that names what is wrong and its cure, and exit code 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


# --- the environment ---------------------------------------------------------------------------------


def require_python() -> None:
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        found = "{}.{}".format(*sys.version_info[:2])
        fail(f"Hearthgate needs Python 3.11 to 3.14 and this is {found}: run it as python3.13 dev.py")
    if sys.platform == "win32":
        fail("Hearthgate needs Linux or macOS: on Windows, run it inside WSL")


def fingerprint() -> str:
    """What the environment depends on. Its own place counts, for its scripts name it."""
    digest = hashlib.sha256()
    for part in (LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes()):
        digest.update(hashlib.sha256(part).digest())
    digest.update(f"{INTERPRETER}\n{sys.version}\n{ROOT}".encode())
    return digest.hexdigest()


def environment_fits() -> bool:
    return PYTHON.exists() and STAMP.is_file() and STAMP.read_text() == fingerprint()


def making_commands() -> list[list[str]]:
    """The commands that fill an empty .venv: uv where it is installed, otherwise venv and pip."""
    uv = shutil.which("uv")
    if uv:
        into = ["--quiet", "--python", str(PYTHON)]
        return [
            [uv, "venv", "--quiet", "--python", INTERPRETER, "--no-python-downloads", str(VENV)],
            [uv, "pip", "sync", *into, "--require-hashes", str(LOCK)],
            [uv, "pip", "install", *into, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        ]
    if not (importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")):
        fail("This Python cannot make environments. Install the missing part: sudo apt install python3-venv")
    pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-warn-script-location"]
    return [
        [INTERPRETER, "-m", "venv", str(VENV)],
        [*pip, "--require-hashes", "--requirement", str(LOCK)],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]


def make_environment() -> None:
    commands = making_commands()
    shutil.rmtree(VENV, ignore_errors=True)
    print("Making the environment in .venv, once; it takes one to three minutes.", flush=True)
    try:
        for number, command in enumerate(commands, 1):
            print(f"{number}/{len(commands)} {MAKING[number - 1]} ", end="", flush=True)
            code = run(command, ticks=True)
            print(flush=True)
            if code:
                fail(f"The environment could not be made: {' '.join(command[:4])} ... ended with {code}")
        STAMP.write_text(fingerprint())
    finally:
        if not STAMP.is_file():
            shutil.rmtree(VENV, ignore_errors=True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two of us, started at once, make what is missing one after the other: the second finds it made."""
    import fcntl

    with (ROOT / "pyproject.toml").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def ensure_environment() -> None:
    """Returns with a .venv that fits. The stamp is written last: a half-made one never passes for whole."""
    with one_at_a_time():
        if not environment_fits():
            make_environment()


# --- running things ----------------------------------------------------------------------------------


def child_environment() -> dict[str, str]:
    """Compiled modules are kept, whatever the caller's environment says: a run of the tests starts a hundred processes,
    and each would compile the whole product again."""
    path = os.pathsep.join([str(PYTHON.parent), SEARCH_PATH])
    environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def run(command: list[str], ticks: bool = False) -> int:
    """Runs to the end, returns the exit code. The terminal tells the child of Ctrl-C too: it may tidy up. With
    ``ticks`` a dot every few seconds says that it goes on."""
    child = subprocess.Popen(command, cwd=ROOT, env=child_environment())
    try:
        while ticks:
            try:
                return child.wait(TICK_S)
            except subprocess.TimeoutExpired:
                print(".", end="", flush=True)
        return child.wait()
    except KeyboardInterrupt:
        child.wait()
        raise


def first_failure(codes: list[int]) -> int:
    return next((code for code in codes if code), 0)


# --- the commands ------------------------------------------------------------------------------------


def demo(arguments: list[str]) -> int:
    ensure_environment()
    # The demo takes the place of this process: a Ctrl-C reaches it once, and its exit code is ours.
    os.chdir(ROOT)
    command = [str(PYTHON), "-m", "firmware_sim", "demo", *arguments]
    os.execve(command[0], command, child_environment())


def test(arguments: list[str]) -> int:
    ensure_environment()
    return run([str(PYTHON), "-m", "tests.house.suite", *arguments])


def bench(arguments: list[str]) -> int:
    """Runs benchmarks/*.py one after the other; a file that begins with _ is a part shared by several."""
    against = arguments[:1] == ["--against"]
    known = sorted(file.stem for file in (ROOT / "benchmarks").glob("[!_]*.py"))
    unknown = [] if against else [name for name in arguments if name[:1] != "-" and name not in known]
    if unknown:
        fail(f"There is no benchmark called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    ensure_environment()
    module, rest = ("_against", arguments[1:]) if against else ("_bench", arguments)
    return run([str(PYTHON), "-m", f"benchmarks.{module}", *rest])


def fmt(_: list[str]) -> int:
    ensure_environment()
    ruff = [str(PYTHON), "-m", "ruff"]
    return first_failure([run([*ruff, "check", "--fix", "."]), run([*ruff, "format", "."])])


def reference(_: list[str]) -> int:
    ensure_environment()
    return run([str(PYTHON), "-m", "tests.house.reference"])


def lock(arguments: list[str]) -> int:
    uv = shutil.which("uv")
    if not uv:
        fail("Writing the locks needs uv: pipx install uv")
    how = "--universal --generate-hashes --python-version 3.11 --no-annotate --no-header --no-emit-index-url"
    compiled = [uv, "pip", "compile", "--quiet", *how.split(), "pyproject.toml", "--extra", "sim", *arguments]
    tools = ["--group", "dev", "--constraint", RUNTIME_LOCK.name]
    runtime = run([*compiled, "--output-file", RUNTIME_LOCK.name])
    return runtime or run([*compiled, *tools, "--output-file", LOCK.name])


COMMANDS = {"demo": demo, "test": test, "bench": bench, "fmt": fmt, "reference": reference, "lock": lock}


def main(arguments: list[str]) -> int:
    require_python()
    name, rest = (arguments or ["--help"])[0], arguments[1:]
    if name in ("-h", "--help") or (name in COMMANDS and name != "demo" and rest in (["-h"], ["--help"])):
        print(__doc__)
        return 0
    if name == "demo" and {"-h", "--help"} & set(rest):
        print(DEMO_HELP, end="")
        return 0
    if name not in COMMANDS:
        fail(f"There is no command '{name}'; there are: {', '.join(COMMANDS)}")
    try:
        return COMMANDS[name](rest)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    try:
        ended = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read what we print has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        ended = 1
    sys.exit(ended)
