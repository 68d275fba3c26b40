"""The names under which charging posts connect. Pure.

A post's name is often its serial number, and fixed by its maker: with capitals, underscores, even spaces. In its URL
such characters may be percent-encoded. Names that differ in nothing but case are one name.
"""

from typing import Annotated
from urllib.parse import quote, unquote

from msgspec import Meta

PostName = Annotated[
    str, Meta(pattern=r"^(?=.*[A-Za-z0-9])[A-Za-z0-9*_=+|@.-]([A-Za-z0-9*_=+|@. -]{0,46}[A-Za-z0-9*_=+|@.-])?$")
]
"""What OCPP 2.0.1 takes as an identity, and spaces, but no colon: in HTTP Basic authentication it ends the name."""
POST_NAME_RULE = "write the name as the post has it: letters, digits, spaces and * - _ = + | @ . and at most 48 of them"


def name_key(name: str) -> str:
    """A post's name as it is compared, however it was written or encoded."""
    return unquote(name).strip().lower()


def name_key_of_path(path: str) -> str:
    """The name that a post's URL ends in. A slash that is encoded stays part of it, and no post has one."""
    return name_key(path.partition("?")[0].rstrip("/").rpartition("/")[2])


def file_name(name: str) -> str:
    """The name of a file of the post's own: no two posts share one, and none leaves its folder."""
    return f"ocpp-{quote(name_key(name), safe='')}"
