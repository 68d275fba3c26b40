"""The link to the broker under TLS."""

import asyncio
import gc
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware_sim.worlds.demo.brokers import free_port
from tests.edge.support.links import DOWN, Trusting, making, run


@pytest.fixture
def tls_broker(mosquitto: Path, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A broker that speaks TLS only, and the certificate to know it by."""
    certificate, key = make_certificate(tmp_path)
    port = free_port()
    config = tmp_path / "tls.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\ncertfile {certificate}\nkeyfile {key}\n"
        f"set_tcp_nodelay true\nuser {os.environ.get('USER', 'root')}\n"
    )
    with subprocess.Popen([mosquitto, "-c", config], stderr=subprocess.DEVNULL) as process:
        yield port, certificate
        process.terminate()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "broker.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "broker.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "broker.crt", folder / "broker.key"


def test_under_tls_messages_small_and_large_arrive(tls_broker: tuple[int, Path], tmp_path: Path) -> None:
    async def story() -> None:
        port, certificate = tls_broker
        trusted = Trusting(certificate)
        async with making(tmp_path) as ends:
            cloud, device = ends.cloud(port, trusted), ends.device(port, trusted)
            await cloud.up()
            await device.up()
            for size in (1, 300_000, 2, 17_000, 3):
                cloud.link.publish(f"{DOWN}page", bytes(size), qos=1)
            assert [len((await device.hear())[1]) for _ in range(5)] == [1, 300_000, 2, 17_000, 3]

    run(story())


@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
def test_a_broker_that_nobody_vouches_for_is_not_spoken_to(tls_broker: tuple[int, Path], tmp_path: Path) -> None:
    async def story() -> None:
        port, _ = tls_broker
        async with making(tmp_path) as ends:
            device = ends.device(port, Trusting())
            while "certificate verify failed" not in device.link.why_down:
                await asyncio.sleep(0)
            assert not device.link.up

    run(story())
    gc.collect()  # paho leaves the socket of a failed handshake to the garbage collector
