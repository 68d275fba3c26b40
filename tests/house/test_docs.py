"""What the pages tell a reader to type exists, what they promise to run runs, and their links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import ROOT
from tests.house import commands, sources

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")
HEADING = re.compile(r"^#+ +(?P<title>.+)$", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PAGES = sorted({*ROOT.glob("*.md"), *sources.files("docs", suffix=".md")})
every_page = pytest.mark.parametrize("page", PAGES, ids=sources.relative)


def command_complaints(page: str) -> list[str]:
    """Every command of a page that does not exist, with what is wrong."""
    lines = [line for block in commands.blocks(page) for line in block.lines]
    each = [words for line in lines for words in commands.commands(line)]
    return [f"{' '.join(words)}: {wrong}" for words in each if (wrong := commands.complaint(words))]


def anchors(page: str) -> set[str]:
    """The names by which a page's headings are linked to."""
    titles = (m["title"].strip().lower() for m in HEADING.finditer(CODE.sub("", page)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def dead_links(page: str, folder: Path) -> Iterator[str]:
    """The links of a page, lying in the folder, that lead nowhere inside the project."""
    for match in LINK.finditer(CODE.sub("", page)):
        path, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        goal = folder / path
        text = page if not path else goal.read_text() if goal.suffix == ".md" and goal.is_file() else ""
        if not goal.exists() or (anchor and text and anchor not in anchors(text)):
            yield match["target"]


@every_page
def test_every_command_shown_exists(page: Path) -> None:
    assert command_complaints(page.read_text()) == []


@every_page
def test_every_command_promised_to_run_runs(page: Path) -> None:
    for block in commands.blocks(page.read_text()):
        if block.runs:
            done = commands.run(["sh", "-eu", "-c", "\n".join(block.lines)])
            assert done.returncode == 0, f"{block.text}\n{done.stdout}{done.stderr}"


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page.read_text(), page.parent)) == []


@pytest.fixture
def example_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts with few commands, so that the samples below are judged whatever the real ones can do."""
    helps = {
        ("hearthgate-edge",): "Usage: hearthgate-edge [OPTIONS] COMMAND [ARGS]...",
        ("hearthgate-edge", "decode"): "Usage: hearthgate-edge decode [OPTIONS] BITS\n --format  -f  TEXT\n --json",
        ("hearthgate-sim",): "Usage: hearthgate-sim [OPTIONS] COMMAND [ARGS]...",
        ("hearthgate-sim", "demo"): "Usage: hearthgate-sim demo [OPTIONS]\n --self-check",
    }
    monkeypatch.setattr(commands, "help_of", lambda *path: helps.get(path, ""))


@pytest.mark.usefixtures("example_scripts")
@pytest.mark.parametrize(
    "line",
    [
        "python3 dev.py dmeo",
        "python3 dev.py test --al",
        "python3 dev.py demo --no-such-option",
        "hearthgate-edge no-such-command",
        "hearthgate-edge decode 1010 --no-such-option",
        "cd there && heartgate-edge status",
        "sudo LANG=C hearthgate-cloud no-such-command",
        "sudo -u me /opt/bin/hearthgate-edge no-such-command",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    assert command_complaints(f"```sh\n{line}\n```\n")
    assert command_complaints(f"```console\n$ {line}\nits answer\n```\n")


@pytest.mark.usefixtures("example_scripts")
@pytest.mark.parametrize(
    "line",
    [
        "python3 dev.py test --all",
        "python3 dev.py demo --self-check",
        "git clone x && cd x",
        "sudo LANG=C hearthgate-edge decode 1010 --format=H10301 --json | cat",
        "hearthgate-edge decode \\\n  1010 -f H10301",
        "sudo -u me LANG=C /opt/bin/hearthgate-edge decode 1010",
    ],
)
def test_a_command_that_exists_passes(line: str) -> None:
    assert command_complaints(f"```sh\n{line}  # and why\n```\n") == []


def test_only_a_marked_block_is_run() -> None:
    page = "```sh run\ntrue\n```\n\n1. a list\n   ```sh\n   false\n   ```\n"
    assert [(block.runs, block.lines) for block in commands.blocks(page)] == [(True, ["true"]), (False, ["   false"])]


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# One, two\n")
    page = "# Here\n[a](there.md) [b](there.md#one-two) [c](#here) `[d](no.md)` [e](https://example.org/no.md)"
    assert list(dead_links(page, tmp_path)) == []
    assert list(dead_links("[a](no.md) [b](there.md#two) [c](#away) ![d](no.png)", tmp_path)) == [
        "no.md",
        "there.md#two",
        "#away",
        "no.png",
    ]
