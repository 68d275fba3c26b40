"""Keys are made once, kept to their owner, and missed loudly."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from cloud.keys.ca import open_authority
from cloud.keys.keys import KeyFolder, KeysUnusable, NumberSeal
from contract.sealing import (
    CommandVerifier,
    ConfigVerifier,
    DeviceKey,
    DeviceVerifier,
    Purpose,
    RosterVerifier,
    SyncKey,
    mac,
    mac_is_good,
    statement,
)


def modes(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.rglob("*") if file.is_file()}


def test_only_the_owner_may_read_any_key(keys: KeyFolder) -> None:
    keys.make_sync("gym-1")
    assert modes(keys.folder) == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in (keys.folder, keys.folder / "sync")} == {0o700}


def test_keys_are_the_same_when_opened_again(keys: KeyFolder) -> None:
    again = KeyFolder(keys.folder)
    assert again.digest == keys.digest
    assert again.roster.public() == keys.roster.public()
    assert again.numbers.open(keys.numbers.close("21-15890", b"a"), b"a") == "21-15890"


def test_a_folder_from_before_there_were_commands_gets_their_keys_once(keys: KeyFolder) -> None:
    for role in ("config", "command"):
        (keys.folder / f"{role}.key").unlink()
    made = KeyFolder(keys.folder)
    again = KeyFolder(keys.folder)
    assert modes(keys.folder) == {0o600}
    assert made.command.public() == again.command.public() != keys.command.public()
    assert made.config.public() == again.config.public() != made.command.public()


def test_keys_are_never_made_over_old_ones(keys: KeyFolder) -> None:
    with pytest.raises(KeysUnusable, match="exists"):
        KeyFolder.create(keys.folder)


def test_a_device_has_one_sync_key_and_no_other_device_has_it(keys: KeyFolder) -> None:
    assert keys.sync("gym-1") is None
    made = keys.make_sync("gym-1")
    assert keys.make_sync("gym-1") == keys.sync("gym-1") == made
    assert keys.make_sync("gym-2") != made


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda file: file.unlink(), "missing"),
        (lambda file: file.chmod(0o640), "chmod 600"),
        (lambda file: file.write_text("00ff\n"), "no key of 32 bytes"),
        (lambda file: file.write_text("key\n"), "no key of 32 bytes"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "cannot be read"),
    ],
)
def test_a_key_that_is_not_in_order_is_named_with_its_cure(keys: KeyFolder, damage: object, says: str) -> None:
    file = keys.folder / "digest.key"
    assert callable(damage)
    damage(file)
    with pytest.raises(KeysUnusable, match=says) as caught:
        KeyFolder(keys.folder)
    assert "digest.key" in str(caught.value)


def test_a_sealed_number_opens_for_its_own_card_and_key_only(keys: KeyFolder) -> None:
    sealed = keys.numbers.close("21-15890", b"one card")
    assert b"15890" not in sealed
    with pytest.raises(KeysUnusable):
        keys.numbers.open(sealed, b"another card")
    with pytest.raises(KeysUnusable):
        NumberSeal(bytes(32)).open(sealed, b"one card")
    with pytest.raises(KeysUnusable):
        keys.numbers.open(b"short", b"one card")


def test_a_new_sync_key_is_noticed_by_a_server_that_knew_the_old_one(keys: KeyFolder) -> None:
    server = KeyFolder(keys.folder)
    old = keys.make_sync("east-gate")
    assert server.sync("east-gate") == old
    new = keys.renew_sync("east-gate")
    assert new != old
    assert server.sync("east-gate") == new
    keys.forget_sync("east-gate")
    assert server.sync("east-gate") is None
    assert keys.make_sync("east-gate") == server.sync("east-gate")


def test_no_verifier_of_a_community_takes_the_seal_of_another_of_its_keys(keys: KeyFolder) -> None:
    """Real keys of all roles, the authority's and the digest key too, each tried at each of the others' doors."""
    authority, device, sync = open_authority(keys.folder, 0)._key, DeviceKey.generate(), keys.make_sync("gym-1")

    def by_the_authority(stated: bytes) -> bytes:
        r, s = decode_dss_signature(authority.sign(stated, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    signs: dict[str, Callable[[bytes], bytes]] = {
        "roster": keys.roster.sign,
        "config": keys.config.sign,
        "command": keys.command.sign,
        "device": device.sign,
        "sync": lambda stated: mac(sync, stated),
        "digest": lambda stated: mac(SyncKey(bytes(keys.digest)), stated),
        "authority": by_the_authority,
    }
    accepts: dict[str, Callable[[bytes, bytes], bool]] = {
        "roster": RosterVerifier(keys.roster.public()).accepts,
        "config": ConfigVerifier(keys.config.public()).accepts,
        "command": CommandVerifier(keys.command.public()).accepts,
        "device": DeviceVerifier(device.public()).accepts,
        "sync": lambda stated, seal: mac_is_good(sync, stated, seal),
    }
    stated = statement(Purpose.COMMAND, "sunny-court", "gym-1", b"body")
    assert all(accepts[role](stated, signs[role](stated)) for role in accepts)
    taken = [(by, at) for by, at in permutations(signs, 2) if at in accepts and accepts[at](stated, signs[by](stated))]
    assert taken == []
