"""The setup of Sunny Court with something else in it."""

from cloud.sample import SETUP_FILE
from cloud.setup.document import SetupFile


def changed_setup(*changes: tuple[str, str], more: str = "") -> SetupFile:
    """Each text stands in the setup, and another in its place; ``more`` stands behind all."""
    text = SETUP_FILE.read_text("utf-8")
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    return SetupFile(f"{text}\n{more}".encode())


def opens_gym(plan: str, hours: str) -> tuple[str, str]:
    """A plan that opens the gym at all hours opens it in these."""
    fee = {"founder": "fee_yuan = 3600\nplaces = 4", "yearly": "fee_yuan = 365"}[plan]
    return f'{fee}\nopens = {{ gym = "always" }}', f'{fee}\nopens = {{ gym = "{hours}" }}'
