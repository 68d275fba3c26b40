"""Phones that sign passes, and the cloud that signs those for riders: as the other side of every door does."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from contract.carried_passes import CarriedPass, issue_carried
from contract.cose import PassKey, key_id_of
from contract.decide import Tier
from contract.passes import pack_short, pack_shown, pass_text, short_bytes_to_sign
from tests.edge.support.cards import NOW_MS

SITE = "s"
NOW_S = NOW_MS // 1000
CLOUD = PassKey.from_bytes(bytes(range(1, 33)))
GUEST = b"guest-id"


class Phone:
    """A phone with a key of its own."""

    def __init__(self, number: int) -> None:
        self._private = ec.derive_private_key(number, ec.SECP256R1())
        self.key = PassKey(self._private).public()
        self.key_id = key_id_of(self.key)

    def short(self, at_s: int = NOW_S) -> bytes:
        """A short pass of this moment."""
        der = self._private.sign(short_bytes_to_sign(at_s), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(der)
        return pack_short(self.key_id, at_s, r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def screen(self, at_s: int = NOW_S) -> str:
        """What its screen shows, drawn by whom the roster knows."""
        return pass_text(self.short(at_s))

    def carrying(self, message: bytes, at_s: int = NOW_S) -> str:
        """What its screen shows, with a pass that it carries."""
        return pass_text(pack_shown(message, self.short(at_s)))


ANNAS_PHONE, RIDERS_PHONE = Phone(7), Phone(8)


def carried(*points: str, uses: int = 0, site: str = SITE, minutes: int = 120, key: PassKey = CLOUD) -> bytes:
    """A rider's pass from now on, as the cloud signs it."""
    made = CarriedPass(GUEST, site, GUEST, Tier.RIDER, RIDERS_PHONE.key, points, NOW_S, NOW_S + 60 * minutes, uses)
    return issue_carried(made, key)
