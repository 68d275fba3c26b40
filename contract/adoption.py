"""What a new device and the cloud must agree on: the code that commits to its key, and the bundle it is sent."""

import base64
import hashlib

from contract import codec
from contract.decide import DAY_MS
from contract.messages import Message, Name
from contract.sealing import DeviceKey, DeviceVerifier, Purpose, statement

CODE_CHARACTERS = 12
NONCE_BYTES = 16
CODE_LASTS_MS = DAY_MS
"""Less than anybody needs to find another key and nonce with the same 60 bits."""
CODE_ROUNDS = 4096
"""Each guess at a code costs so many hashes: some milliseconds for a device, a factor of 4,096 for a forger."""
MAX_WIRING_BYTES = 40_000
"""What a device may tell of its wiring when it asks; a request of 64 KiB holds it."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Douglas Crockford's base 32: no I, L, O and U, so that nobody reads one letter for another."""
_TO_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET)
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


class Bundle(Message, frozen=True):
    """All that a device needs of its cloud, in an envelope that only its key opens.

    Keys and public halves are hex text; ``ca`` and ``certificate`` are PEM. ``wiring`` is the text of its
    configuration file, empty if the cloud knows none.
    """

    device: Name
    site: Name
    broker: str
    ca: str
    certificate: str
    digest_key: str
    sync_key: str
    roster: str
    config: str
    command: str
    wiring: str = ""


def code_of(public_key: bytes, nonce: bytes) -> str:
    """60 bits that commit to the key and the day's nonce, as ``XXXX-XXXX-XXXX``: what a person compares and types."""
    digest = hashlib.pbkdf2_hmac("sha256", public_key, b"hg-code-2" + nonce, CODE_ROUNDS, 8)
    return _grouped(base64.b32encode(digest).decode().translate(_TO_CROCKFORD)[:CODE_CHARACTERS])


def read_code(typed: str) -> str:
    """A code as somebody typed it, in its one form. Raises ``ValueError`` for what is none."""
    text = typed.strip().upper().translate(_READ_AS)
    if len(text) != CODE_CHARACTERS or not set(text) <= set(_ALPHABET):
        raise ValueError(f"a code has {CODE_CHARACTERS} letters and digits, such as 4F7K-9Q2M-T0ZX")
    return _grouped(text)


def _grouped(text: str) -> str:
    return "-".join(text[start : start + 4] for start in range(0, CODE_CHARACTERS, 4))


def close_bundle(bundle: Bundle, public_key: bytes) -> bytes:
    """The bundle for the owner of this key. Raises ``ValueError`` if the bytes are no point of P-256."""
    return DeviceVerifier(public_key).close(_stated(public_key), codec.write(bundle))


def open_bundle(envelope: bytes, key: DeviceKey) -> Bundle:
    """Raises ``Malformed`` for what is no bundle for this key."""
    try:
        text = key.open(_stated(key.public()), envelope)
    except ValueError as wrong:
        raise codec.Malformed(str(wrong)) from None
    return codec.read(text, Bundle)


def _stated(public_key: bytes) -> bytes:
    # A device does not know yet where it belongs: the bundle itself says so.
    return statement(Purpose.BUNDLE, "", "", public_key)
