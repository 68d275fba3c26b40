"""Writes the folder that mosquitto runs in: who may connect (TLS 1.3 and a certificate of ours), and who may say what.

A device's certificate names it, the broker takes that name for its user name and client id, and the topics bear it: so
a device reaches its own topics and nobody else's, without a list of devices at the broker. Mosquitto reads its
certificates and the list of revoked ones again at SIGHUP only; ``broker.sh`` sends that whenever they change, and needs
no more rights than mosquitto itself.
"""

import os
import pwd
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography import x509
from msgspec import DecodeError, Struct, json

from cloud.keys.broker_names import CLOUD, HEALTH, WATCH
from cloud.keys.ca import SERVER_LASTS_MS, Authority, Revoked
from cloud.keys.keys import write_private
from contract import topics
from contract.decide import DAY_MS
from contract.messages import MAX_PAYLOAD_BYTES

PORT = 8883
RENEW_BEFORE_MS = 60 * DAY_MS
"""A server's certificate is made anew when it has less than this left."""
MAX_PACKET_BYTES = MAX_PAYLOAD_BYTES + 1024
"""The largest message of the contract, and its topic."""
MEMORY_BYTES = 512 * 1024 * 1024
"""All that the broker may hold: beyond it messages are refused, and neither it nor its machine comes to an end."""
HERE = ("localhost", "127.0.0.1", "::1")
"""A broker on the cloud's own machine is good under these names too."""
SCRIPT = "broker.sh"
NOTE = "broker.json"
"""In the community's folder: where its broker is."""

_CONFIG = """\
# Written by hearthgate-cloud broker-config. Run it with: sh broker.sh
listener {port}{address}
cafile ca.crt
certfile server.crt
keyfile server.key
crlfile crl.pem
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file acl
user {user}

set_tcp_nodelay true
max_connections 4096
max_packet_size {max_packet}
message_size_limit {max_packet}
max_keepalive 120
max_queued_messages 10000
max_queued_bytes 16777216
memory_limit {memory}
persistence false
log_dest stderr
log_type error
log_type warning
"""

_RIGHTS = """\
# Who may say and hear what. %u is the name in the certificate.
user {cloud}
{of_cloud}

# Neither has a channel of its own, as the patterns below would give it one.
user {watch}
topic deny hg/v1/{site}/{watch}/#
topic read hg/v1/{site}/#

user {health}
topic deny #

# A device says what the contract names, and nothing else: an invented channel is memory of the broker's.
{of_devices}
"""

_SCRIPT = """\
#!/bin/sh
# Runs mosquitto in this folder, and sends it SIGHUP when certificates or revocations have changed: it reads them again
# at nothing else. Looks once a second.
cd "$(dirname "$0")" || exit 1
PATH="$PATH:/usr/local/sbin:/usr/sbin"
if ! command -v mosquitto >/dev/null; then
    echo "mosquitto is not installed; on Debian: sudo apt install mosquitto" >&2
    exit 2
fi
read_again() { cat ca.crt server.crt server.key crl.pem acl | cksum; }

known=$(read_again)
mosquitto -c mosquitto.conf &
broker=$!
# Told to end while it starts, mosquitto forgets it: it is told until it has ended.
end() {
    while kill -TERM $broker 2>/dev/null; do
        sleep 0.2 &
        wait $!
    done
    exit 0
}
trap end TERM INT
while kill -0 $broker 2>/dev/null; do
    sleep 1 &
    wait $!
    now=$(read_again)
    if [ "$now" != "$known" ]; then
        known=$now
        kill -HUP $broker 2>/dev/null
    fi
done
wait $broker
"""


class BrokerPlace(Struct, frozen=True):
    """Where the broker's folder is, and where devices find the broker; ``hosts`` begins with the name they are told."""

    folder: str
    hosts: tuple[str, ...]
    port: int = PORT

    @property
    def url(self) -> str:
        host = self.hosts[0]
        return f"mqtts://[{host}]:{self.port}" if ":" in host else f"mqtts://{host}:{self.port}"


def write_broker(
    place: BrokerPlace, authority: Authority, site: str, revoked: Sequence[Revoked], now_ms: int, bind: str = ""
) -> None:
    """Everything that the broker needs, in its folder; written again, it keeps a server key that is still good.

    Raises ``OSError``.
    """
    folder = Path(place.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = f" {bind}" if bind else ""
    config = _CONFIG.format(
        port=place.port, address=address, user=_user(), max_packet=MAX_PACKET_BYTES, memory=MEMORY_BYTES
    )
    write_private(folder / "mosquitto.conf", config)
    write_private(folder / "acl", _rights(site))
    write_private(folder / "ca.crt", authority.certificate)
    write_private(folder / SCRIPT, _SCRIPT)
    renew_server(place, authority, now_ms)
    write_revocations(place, authority, revoked, now_ms)


def _rights(site: str) -> str:
    def lines(rule: str, make: Callable[[str, str, str], str], name: str, channels: Sequence[str]) -> list[str]:
        return [f"{rule} {make(site, name, channel)}" for channel in channels]

    of_cloud = lines("topic read", topics.up, "+", topics.UP_CHANNELS)
    of_cloud += lines("topic write", topics.down, "+", topics.DOWN_CHANNELS)
    of_devices = lines("pattern write", topics.up, "%u", topics.UP_CHANNELS)
    of_devices += lines("pattern read", topics.down, "%u", topics.DOWN_CHANNELS)
    names = {"cloud": CLOUD, "watch": WATCH, "health": HEALTH, "site": site}
    return _RIGHTS.format(of_cloud="\n".join(of_cloud), of_devices="\n".join(of_devices), **names)


def write_revocations(place: BrokerPlace, authority: Authority, revoked: Sequence[Revoked], now_ms: int) -> None:
    """Raises ``OSError``."""
    write_private(Path(place.folder) / "crl.pem", authority.revocations(revoked, now_ms))


def renew_server(place: BrokerPlace, authority: Authority, now_ms: int) -> bool:
    """Give the broker a new certificate if it has none, or one for other names, or one that ends soon; and beside it
    one that has no rights, for checks of its health.

    Returns whether it did. Raises ``OSError``.
    """
    folder = Path(place.folder)
    hosts = list(dict.fromkeys([*place.hosts, *HERE]))
    if _is_good(folder / "server.crt", authority, hosts, now_ms):
        return False
    pairs = {"server": authority.server(hosts, now_ms), "health": authority.client(HEALTH, now_ms, SERVER_LASTS_MS)}
    for name, pair in pairs.items():
        write_private(folder / f"{name}.key", pair.key)
        write_private(folder / f"{name}.crt", pair.certificate)
    return True


def remember_broker(cloud: Path, place: BrokerPlace) -> None:
    """Note in the community's folder where its broker is. Raises ``OSError``."""
    write_private(cloud / NOTE, json.encode(place).decode() + "\n")


def broker_of(cloud: Path) -> BrokerPlace | None:
    """Where the community's broker is, or None before ``broker-config``. Raises ``OSError`` for a damaged note."""
    file = cloud / NOTE
    try:
        return json.decode(file.read_bytes(), type=BrokerPlace)
    except FileNotFoundError:
        return None
    except DecodeError as wrong:
        raise OSError(f"{file}: {wrong}; run hearthgate-cloud broker-config again") from None


def _is_good(file: Path, authority: Authority, hosts: Sequence[str], now_ms: int) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    left_ms = certificate.not_valid_after_utc.timestamp() * 1000 - now_ms
    return (
        authority.issued(certificate)
        and {str(host.value) for host in named} == set(hosts)
        and left_ms > RENEW_BEFORE_MS
    )


def _user() -> str:
    """Whoever writes the folder owns it: started by root, the broker becomes that user."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())  # a user without a name, in a container: there the broker is not started by root
