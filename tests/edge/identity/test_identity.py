from pathlib import Path

import pytest

from contract.sealing import CommandKey, ConfigKey, DeviceVerifier, RosterKey
from edge.identity.identity import Identity, IdentityError

ROSTER_KEY, CONFIG_KEY, COMMAND_KEY = RosterKey.generate(), ConfigKey.generate(), CommandKey.generate()


def hand_out(folder: Path, name: str, content: str, mode: int = 0o600) -> None:
    path = folder / name
    path.write_text(content)
    path.chmod(mode)


def register(folder: Path) -> None:
    """What the cloud gives a device it knows."""
    hand_out(folder, "digest.key", "11" * 32)
    hand_out(folder, "sync.key", "22" * 32 + "\n")
    hand_out(folder, "roster.pub", ROSTER_KEY.public().hex())
    hand_out(folder, "config.pub", CONFIG_KEY.public().hex())
    hand_out(folder, "command.pub", COMMAND_KEY.public().hex())


def test_the_first_start_makes_a_key_that_stays(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    identity = Identity(folder)
    assert identity.registration is None
    assert (folder / "device.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    seal = Identity(folder).device_key.sign(b"stated")
    assert DeviceVerifier(bytes.fromhex(identity.public_key)).accepts(b"stated", seal)


def test_a_registered_device_has_its_keys(tmp_path: Path) -> None:
    register(tmp_path)
    registration = Identity(tmp_path).registration
    assert registration is not None
    assert registration.digest_key == b"\x11" * 32
    assert registration.sync_key == b"\x22" * 32
    assert registration.roster.accepts(b"stated", ROSTER_KEY.sign(b"stated"))
    assert registration.config is not None
    assert registration.config.accepts(b"stated", CONFIG_KEY.sign(b"stated"))
    assert registration.command is not None
    assert registration.command.accepts(b"stated", COMMAND_KEY.sign(b"stated"))


def test_a_device_of_an_older_cloud_is_registered_without_the_later_keys(tmp_path: Path) -> None:
    register(tmp_path)
    for name in ("config.pub", "command.pub"):
        (tmp_path / name).unlink()
    registration = Identity(tmp_path).registration
    assert registration is not None
    assert (registration.config, registration.command) == (None, None)


@pytest.mark.parametrize("name", ["device.key", "digest.key", "sync.key", "roster.pub", "config.pub", "command.pub"])
def test_a_key_that_others_can_read_is_refused_with_the_cure(tmp_path: Path, name: str) -> None:
    register(tmp_path)
    Identity(tmp_path)
    (tmp_path / name).chmod(0o640)
    with pytest.raises(IdentityError, match=rf"{name}: others can read it; chmod 600"):
        Identity(tmp_path)


@pytest.mark.parametrize("name", ["digest.key", "sync.key", "roster.pub"])
def test_a_half_made_registration_names_what_is_missing(tmp_path: Path, name: str) -> None:
    register(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(IdentityError, match=rf"{name} missing; register the device again"):
        Identity(tmp_path)


@pytest.mark.parametrize("content", ["", "11" * 31, "zz" * 32, "schlüssel"])
def test_a_key_of_another_form_is_named(tmp_path: Path, content: str) -> None:
    register(tmp_path)
    hand_out(tmp_path, "sync.key", content)
    with pytest.raises(IdentityError, match=r"sync\.key: not 32 bytes written as hex"):
        Identity(tmp_path)


def test_a_spoilt_device_key_is_named_with_the_cure(tmp_path: Path) -> None:
    hand_out(tmp_path, "device.key", "no key")
    with pytest.raises(IdentityError, match=r"device\.key: .*; move it away, and register the device anew"):
        Identity(tmp_path)


def test_a_folder_that_cannot_be_made_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IdentityError, match="give the folder to the user of the agent"):
        Identity(tmp_path / "file" / "keys")
