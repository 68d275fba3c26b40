"""A broad ``except`` is a boundary: it logs the fault, raises it again, or says beside it why it need not."""

import ast

import pytest

from tests.house import sources

BROAD = {"Exception", "BaseException"}
REASON = "# noqa: BLE001"


def silent_handlers(text: str) -> list[int]:
    """The lines of broad handlers that swallow a fault without a word."""
    lines = text.splitlines()
    handlers = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler)]
    broad = [one for one in handlers if one.type is None or ast.unparse(one.type) in BROAD]
    return [one.lineno for one in broad if REASON not in lines[one.lineno - 1] and not _is_loud(one)]


def _is_loud(handler: ast.ExceptHandler) -> bool:
    within = [node for statement in handler.body for node in ast.walk(statement)]
    calls = {ast.unparse(node.func) for node in within if isinstance(node, ast.Call)}
    return "log.exception" in calls or any(isinstance(node, ast.Raise) for node in within)


def test_no_broad_handler_swallows_a_fault() -> None:
    files = sources.files(*sources.PACKAGES, suffix=".py")
    silent = {sources.relative(file): lines for file in files if (lines := silent_handlers(file.read_text()))}
    assert silent == {}


@pytest.mark.parametrize(
    ("handler", "is_silent"),
    [
        ("except Exception:\n pass", True),
        ("except:\n pass", True),
        ("except Exception:\n log.exception('it failed')", False),
        ("except BaseException:\n close()\n raise", False),
        ("except Exception:  # noqa: BLE001 - whoever waits gets it\n pass", False),
        ("except ValueError:\n pass", False),
    ],
)
def test_silent_handler_is_found(handler: str, is_silent: bool) -> None:
    assert bool(silent_handlers(f"try:\n go()\n{handler}\n")) is is_silent
