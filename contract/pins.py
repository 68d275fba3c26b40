"""PINs as rosters hold them: a verifier for each credential, from which nobody reads the digits without the site's key.

A PIN has so few digits that whoever holds the digest key finds it by trying them all. So a stolen device tells PINs, as
it tells card numbers; what guards a PIN at the door is that wrong ones are counted.
"""

import hmac

from contract.demands import PinVerdict
from contract.sealing import DigestKey

VERIFIER_BYTES = 8


def pin_verifier(key: DigestKey, digest: bytes, digits: str) -> bytes:
    """What stands in the roster for the PIN of the credential with this digest: HMAC-SHA256 under the site's digest key
    over ``pin``, the digest and the digits; its first 8 bytes."""
    return hmac.digest(key, b"pin" + digest + digits.encode(), "sha256")[:VERIFIER_BYTES]


def duress_of(digits: str) -> str:
    """What is keyed in the place of a PIN by whoever is being forced: the last digit is one higher, and 0 after 9."""
    return _with_last(digits, 1)


def pin_verdict(key: DigestKey, digest: bytes, digits: str, verifier: bytes, *, may_signal_duress: bool) -> PinVerdict:
    """Whether these digits are the PIN of this verifier. Takes as long whatever they are. Where there is no PIN, no
    digits are right."""
    meant = _with_last(digits, -1)
    is_right = hmac.compare_digest(pin_verifier(key, digest, digits), verifier)
    is_duress = hmac.compare_digest(pin_verifier(key, digest, meant), verifier)
    if is_right:
        return PinVerdict.RIGHT
    return PinVerdict.DURESS if is_duress and may_signal_duress else PinVerdict.WRONG


def _with_last(digits: str, more: int) -> str:
    return f"{digits[:-1]}{(int(digits[-1]) + more) % 10}"
