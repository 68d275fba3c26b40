"""A link that an inviter sends: one telephone opens it, and carries a pass until midnight. Pure."""

from enum import StrEnum

from msgspec import Struct


class InvitationState(StrEnum):
    """What a link is to the telephone that asks for its page."""

    OPEN = "open"
    MINE = "mine"
    ELSEWHERE = "elsewhere"
    OVER = "over"


class GuestLink(Struct, frozen=True):
    """A link as it is stored. Once a telephone has opened it: ``page_hash`` names the secret in that browser's cookie,
    ``key`` is the public half of its key, ``held_key`` the sealed private half where it keeps none itself, and
    ``carried`` the pass that was signed last, which doors believe until ``carried_until_ms``."""

    id: int
    permit: int
    opened_ms: int | None = None
    page_hash: bytes = b""
    key: bytes = b""
    held_key: bytes = b""
    carried: bytes = b""
    carried_until_ms: int = 0

    def state(self, page_hash: bytes) -> InvitationState:
        """Of a link whose permit counts, to a browser with this secret."""
        if self.opened_ms is None:
            return InvitationState.OPEN
        return InvitationState.MINE if page_hash == self.page_hash else InvitationState.ELSEWHERE
