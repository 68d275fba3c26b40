"""The passwords by which charging posts connect: a file each in the device's folder of keys."""

import secrets
from collections.abc import Callable
from pathlib import Path

from edge.config.post_names import file_name
from edge.machine.files import write_whole
from edge.machine.mendable import Mendable

PASSWORD_BYTES = 16
"""OCPP 1.6 takes 16 to 20 bytes written as hexadecimal digits, OCPP 2.0.1 a text of 16 to 40: this is both."""


class PasswordExists(Mendable):
    """There is a password already; a new one would lock the post out."""


def passwords_in(keys: Path) -> Callable[[str], str | None]:
    """The passwords of a folder by post, read whenever one connects: a new one needs no restart."""

    def password(post: str) -> str | None:
        try:
            return _file(keys, post).read_text("ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    return password


def make_password(keys: Path, post: str, *, anew: bool = False) -> str:
    """Make a post's password and keep it. Raises ``OSError``, or ``PasswordExists`` unless it is made ``anew``."""
    file = _file(keys, post)
    if file.exists() and not anew:
        raise PasswordExists(f"{file} exists; take --anew to make another, and type that into the post")
    password = secrets.token_hex(PASSWORD_BYTES)
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(file, password.encode() + b"\n")
    return password


def _file(keys: Path, post: str) -> Path:
    return keys / file_name(post)
