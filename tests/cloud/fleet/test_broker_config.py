"""The broker's folder: what it says, who may read it, and when it is written anew."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from cloud.cli import app
from cloud.fleet.broker_config import (
    _SCRIPT,
    RENEW_BEFORE_MS,
    BrokerPlace,
    broker_of,
    remember_broker,
    renew_server,
    write_broker,
    write_revocations,
)
from cloud.keys.ca import SERVER_LASTS_MS, Authority, Revoked, open_authority
from cloud.keys.keys import KeyFolder
from tests.cloud.support.line import PATIENCE_S

NOW_MS = 1_800_000_000_000


@pytest.fixture
def authority(keys: KeyFolder) -> Authority:
    return open_authority(keys.folder, NOW_MS)


@pytest.fixture
def place(tmp_path: Path) -> BrokerPlace:
    return BrokerPlace(str(tmp_path / "broker"), ("mqtt.example", "10.0.0.5"))


def text(place: BrokerPlace, name: str) -> str:
    return (Path(place.folder) / name).read_text()


def test_nobody_but_its_owner_reads_the_folder(place: BrokerPlace, authority: Authority) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    folder = Path(place.folder)
    assert {file.name for file in folder.iterdir()} == {
        *("mosquitto.conf", "acl", "broker.sh"),
        *("ca.crt", "server.crt", "server.key", "crl.pem", "health.crt", "health.key"),
    }
    assert all(one.stat().st_mode & 0o077 == 0 for one in (folder, *folder.iterdir()))


def test_only_tls_with_a_certificate_is_spoken_and_names_are_believed_from_it_alone(
    place: BrokerPlace, authority: Authority
) -> None:
    write_broker(place, authority, "court", [], NOW_MS, bind="127.0.0.1")
    lines = text(place, "mosquitto.conf").splitlines()
    assert {
        "listener 8883 127.0.0.1",
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        "crlfile crl.pem",
        "set_tcp_nodelay true",
    } <= set(lines)
    assert [line for line in lines if line.startswith("listener")] == ["listener 8883 127.0.0.1"]


def test_the_broker_is_bounded(place: BrokerPlace, authority: Authority) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    settings = dict(line.split(maxsplit=1) for line in text(place, "mosquitto.conf").splitlines() if " " in line)
    bounds = "memory_limit", "message_size_limit", "max_packet_size", "max_queued_messages", "max_queued_bytes"
    assert all(int(settings[name]) > 0 for name in (*bounds, "max_connections"))


UP = "events", "state", "beat", "live", "want", "reported", "result", "renew", "usage", "room"
DOWN = "ack", "roster", "page", "config", "command", "certificate", "lend", "zone"


def test_rights_are_these_and_no_others(place: BrokerPlace, authority: Authority) -> None:
    """A rule counts for the user above it; a pattern for everybody, which is why two users are denied theirs."""
    write_broker(place, authority, "court", [], NOW_MS)
    lines = [line for line in text(place, "acl").splitlines() if line and not line.startswith("#")]
    assert lines == [
        "user cloud",
        *(f"topic read hg/v1/court/+/up/{channel}" for channel in UP),
        *(f"topic write hg/v1/court/+/dn/{channel}" for channel in DOWN),
        "user watch",
        "topic deny hg/v1/court/watch/#",
        "topic read hg/v1/court/#",
        "user health",
        "topic deny #",
        *(f"pattern write hg/v1/court/%u/up/{channel}" for channel in UP),
        *(f"pattern read hg/v1/court/%u/dn/{channel}" for channel in DOWN),
    ]


def test_the_server_is_named_as_devices_will_call_it(place: BrokerPlace, authority: Authority) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    found = x509.load_pem_x509_certificate(text(place, "server.crt").encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(one.value) for one in names} == {"mqtt.example", "10.0.0.5", "localhost", "127.0.0.1", "::1"}


def test_written_again_it_keeps_a_server_key_that_is_still_good(place: BrokerPlace, authority: Authority) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    key = text(place, "server.key")
    write_broker(place, authority, "court", [], NOW_MS + 1)
    assert text(place, "server.key") == key
    assert renew_server(place, authority, NOW_MS + SERVER_LASTS_MS - RENEW_BEFORE_MS)
    assert text(place, "server.key") != key


def test_other_names_and_another_authority_need_another_certificate(
    place: BrokerPlace, authority: Authority, tmp_path: Path
) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    moved = BrokerPlace(place.folder, ("elsewhere.example",))
    assert renew_server(moved, authority, NOW_MS)
    another = open_authority(KeyFolder.create(tmp_path / "another").folder, NOW_MS)
    assert renew_server(moved, another, NOW_MS)
    assert not renew_server(moved, another, NOW_MS)


def test_revocations_are_written_for_the_broker(place: BrokerPlace, authority: Authority) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    write_revocations(place, authority, [Revoked("a1", NOW_MS)], NOW_MS)
    assert [one.serial_number for one in x509.load_pem_x509_crl(text(place, "crl.pem").encode())] == [0xA1]


def test_the_cloud_remembers_where_its_broker_is(place: BrokerPlace, tmp_path: Path) -> None:
    assert broker_of(tmp_path) is None
    remember_broker(tmp_path, place)
    assert broker_of(tmp_path) == place
    assert place.url == "mqtts://mqtt.example:8883"
    assert BrokerPlace("", ("::1",), 1).url == "mqtts://[::1]:1"
    (tmp_path / "broker.json").write_text("{")
    with pytest.raises(OSError, match="broker-config again"):
        broker_of(tmp_path)


def test_the_script_is_one_that_a_plain_shell_reads(place: BrokerPlace, authority: Authority) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    subprocess.run(["sh", "-n", Path(place.folder) / "broker.sh"], check=True)


DEAF_AT_FIRST = """\
#!/bin/sh
trap '[ -n "$told" ] && exit; told=1' TERM
echo up
while :; do sleep 0.05 & wait $!; done
"""


def test_the_script_ends_a_broker_that_was_told_too_early_to_hear_it(
    place: BrokerPlace, authority: Authority, tmp_path: Path
) -> None:
    write_broker(place, authority, "court", [], NOW_MS)
    program = tmp_path / "mosquitto"
    program.write_text(DEAF_AT_FIRST)
    program.chmod(0o700)
    command = ["sh", str(Path(place.folder) / "broker.sh")]
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=paths) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == b"up\n"
        script.terminate()
        assert script.wait(PATIENCE_S) == 0


def test_the_command_writes_it_and_tells_the_fingerprint(tmp_path: Path) -> None:
    run = CliRunner().invoke
    folder = tmp_path / "cloud"
    assert run(app, ["init", str(folder), "--sample"]).exit_code == 0
    done = run(app, ["broker-config", "--dir", str(folder), "--host", "mqtt.example"])
    assert done.exit_code == 0, done.output
    assert open_authority(folder / "keys", NOW_MS).fingerprint in done.output
    assert "mqtts://mqtt.example:8883" in done.output
    found = broker_of(folder)
    assert found is not None
    assert (Path(found.folder) / "mosquitto.conf").exists()


def test_the_script_names_the_package_it_needs(tmp_path: Path) -> None:
    """On a machine without mosquitto: one line with its cure."""
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    script = tmp_path / "broker.sh"
    script.write_text(_SCRIPT.replace(":/usr/local/sbin:/usr/sbin", ""))
    done = subprocess.run(["/bin/sh", script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "sudo apt install mosquitto" in done.stderr
