"""Certificates as files: what is wrong with them is said before the start, and renewed ones are taken."""

import ssl
from pathlib import Path

import pytest

from cloud.keys.ca import open_authority
from cloud.keys.keys import KeyFolder
from cloud.web.certificate import LOOK_AGAIN_MS, BadCertificate, CertificateFiles
from contract.decide import DAY_MS

NOW_MS = 1_700_000_000_000


class Context(ssl.SSLContext):
    """Counts how often files are loaded."""

    loaded = 0

    def load_cert_chain(self, *args: object, **more: object) -> None:
        super().load_cert_chain(*args, **more)  # type: ignore[arg-type]
        self.loaded += 1


@pytest.fixture
def files(keys: KeyFolder, tmp_path: Path) -> tuple[Path, Path]:
    """The chain and its key."""
    pair = open_authority(keys.folder, NOW_MS).server(["gate.example"], NOW_MS)
    chain, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    chain.write_text(pair.certificate)
    key.write_text(pair.key)
    return chain, key


def why_bad(chain: Path, key: Path | None = None, now_ms: int = NOW_MS) -> str:
    with pytest.raises(BadCertificate) as bad:
        CertificateFiles(chain, key).check(now_ms)
    return str(bad.value)


def test_good_files_pass(files: tuple[Path, Path], tmp_path: Path) -> None:
    chain, key = files
    CertificateFiles(chain, key).check(NOW_MS)
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + chain.read_text())
    CertificateFiles(both).check(NOW_MS)


def test_fault_of_files_is_named(files: tuple[Path, Path], keys: KeyFolder, tmp_path: Path) -> None:
    chain, key = files
    other = tmp_path / "other.pem"
    other.write_text(open_authority(keys.folder, NOW_MS).server(["gate.example"], NOW_MS).key)
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_bytes(b"\xff\x00")
    assert "is not the key of" in why_bad(chain, other)
    assert "cannot be read" in why_bad(tmp_path / "nowhere.pem", key)
    assert "both are PEM" in why_bad(rubbish, key)
    assert "both are PEM" in why_bad(chain), "a chain without its key"
    assert "renew it" in why_bad(chain, key, NOW_MS + 10_000 * DAY_MS)


def test_renewed_files_are_taken(files: tuple[Path, Path], keys: KeyFolder) -> None:
    chain, key = files
    watched, context = CertificateFiles(chain, key), Context(ssl.PROTOCOL_TLS_SERVER)
    watched.refresh(context, LOOK_AGAIN_MS)
    assert context.loaded == 0, "nothing has changed"
    renewed = open_authority(keys.folder, NOW_MS).server(["gate.example"], NOW_MS + DAY_MS)
    chain.write_text(renewed.certificate)
    watched.refresh(context, LOOK_AGAIN_MS + 1)
    assert context.loaded == 0, "it is looked at once a minute"
    with pytest.raises(ssl.SSLError):
        watched.refresh(context, 2 * LOOK_AGAIN_MS)
    key.write_text(renewed.key)
    watched.refresh(context, 3 * LOOK_AGAIN_MS)
    watched.refresh(context, 4 * LOOK_AGAIN_MS)
    assert context.loaded == 1
