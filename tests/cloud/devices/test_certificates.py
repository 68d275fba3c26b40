"""What is remembered of the certificates that devices were given."""

from cloud.devices.certificates import add_certificate, newest_certificate, revoke_certificates, revoked_certificates
from cloud.keys.ca import DEVICE_LASTS_MS, Issued, Revoked
from cloud.store.database import Store

NOW_MS = 1_800_000_000_000
KEY, OTHER = b"\4" * 65, b"\5" * 65


def give(store: Store, serial: str, at_ms: int, device: str = "gate", key: bytes = KEY) -> Issued:
    issued = Issued(serial, f"PEM {serial}", at_ms + DEVICE_LASTS_MS)
    with store.writing() as connection:
        add_certificate(connection, device, key, issued, at_ms)
    return issued


def newest(store: Store, key: bytes = KEY) -> tuple[Issued, int] | None:
    with store.reading() as connection:
        return newest_certificate(connection, "gate", key)


def test_the_newest_certificate_of_a_key_is_found(store: Store) -> None:
    give(store, "a1", NOW_MS)
    second = give(store, "a2", NOW_MS + 1)
    give(store, "a3", NOW_MS + 2, key=OTHER)
    give(store, "a4", NOW_MS + 3, device="gym")
    assert newest(store) == (second, NOW_MS + 1)
    assert newest(store, b"\6" * 65) is None


def test_a_revoked_device_has_none_and_the_others_keep_theirs(store: Store) -> None:
    give(store, "a1", NOW_MS)
    give(store, "a2", NOW_MS + 1)
    give(store, "b1", NOW_MS, device="gym")
    with store.writing() as connection:
        assert revoke_certificates(connection, "gate", NOW_MS + 5) == 2
        assert revoke_certificates(connection, "gate", NOW_MS + 6) == 0
        assert revoked_certificates(connection, NOW_MS + 6) == [Revoked("a1", NOW_MS + 5), Revoked("a2", NOW_MS + 5)]
        assert revoked_certificates(connection, NOW_MS + DEVICE_LASTS_MS) == [Revoked("a2", NOW_MS + 5)]
    assert newest(store) is None
