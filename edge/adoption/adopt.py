"""Adoption: a device asks the cloud to take it in, and waits until an operator has confirmed the code that it shows.

Asked again, the cloud knows the key, and the device goes on where it was. What it gets is closed for its key.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from contract.adoption import MAX_WIRING_BYTES, Bundle, code_of, open_bundle
from contract.codec import Malformed
from contract.sealing import DeviceKey
from edge.adoption.cloud_client import EnrollmentClient, NotAdopted
from edge.adoption.code import current_nonce, forget_nonce
from edge.config.device_config import DeviceConfig, load
from edge.config.tables import KEYS_FOLDER, RUN_FOLDER
from edge.identity.credentials import AUTHORITY, CERTIFICATE, NEW, BadCertificate, Credentials, check_certificate
from edge.identity.identity import own_key
from edge.machine.clock import CLOCK_FILE, DeviceClock
from edge.machine.files import write_whole

ASK_EVERY_S = 2.0
Say = Callable[[str, Mapping[str, str | bool | None]], object]
"""Tells whoever adopts a device something, in words and as values for a program."""
_KEYS = {
    "digest.key": "digest_key",
    "sync.key": "sync_key",
    "roster.pub": "roster",
    "config.pub": "config",
    "command.pub": "command",
}
"""The files of keys, and what the bundle calls them."""


def adopt_device(
    url: str,
    fingerprint: str,
    config: Path,
    keys: Path | None,
    label: Path | None,
    patience_s: float,
    say: Say,
    pause: Callable[[float], object],
    again: bool = False,
) -> None:
    """The whole of it, for this machine; ``again`` for one whose certificate is in its time and still no good. Whatever
    it says names the device: another one may be adopted in the terminal beside it.

    Raises ``NotAdopted``, ``ConfigError``, ``IdentityError`` or ``OSError``.
    """
    device = load(config) if config.exists() else None
    called = device.device.name if device else "this device"
    folder = keys or (device.keys if device else Path(KEYS_FOLDER))
    clock = DeviceClock((device.state if device else folder) / CLOCK_FILE)
    cloud = EnrollmentClient(url, fingerprint, clock)
    key = own_key(folder)
    if not again and _is_adopted(folder, clock, cloud.authority):
        said = f"{called} is adopted already\nif the broker does not let it in, add --again"
        say(said, {"device": device.device.name if device else None, "adopted": True})
        return
    nonce = current_nonce(folder, clock.now_ms())
    code = code_of(key.public(), nonce)
    if label is not None:
        label.write_text(label_svg(code, url))
    page = f"{url.rstrip('/')}/adoptions"
    said = f"the code of {called} is  {code}\nan operator types it within a day at {page}; this waits until then"
    say(said, {"code": code, "url": page})
    wiring = config.read_text() if device else ""
    if len(wiring.encode()) > MAX_WIRING_BYTES:
        said = f"{config} is too long for the cloud to keep: save it for the day {called} is replaced"
        say(said, {"warning": said})
        wiring = ""
    bundle = await_bundle(cloud, key, nonce, wiring, pause, patience_s)
    if device is not None and (device.device.site, device.device.name) != (bundle.site, bundle.device):
        raise NotAdopted(
            f"the cloud calls this device {bundle.device} of {bundle.site}: correct site and name in {config}, "
            "and run this again"
        )
    keep_bundle(bundle, folder, key, cloud.authority)
    forget_nonce(folder)
    say(f"adopted as {bundle.device}; its keys are in {folder}", {"device": bundle.device, "keys": str(folder)})
    todo = _about_config(bundle, config, device)
    say(todo, {"next": todo})


def _is_adopted(folder: Path, clock: DeviceClock, authority: str) -> bool:
    end_ms, own = Credentials(folder, clock).not_after_ms, folder / AUTHORITY
    is_same = own.exists() and own.read_bytes().strip() == authority.encode().strip()
    return is_same and end_ms is not None and end_ms > clock.now_ms()


def _about_config(bundle: Bundle, config: Path, device: DeviceConfig | None) -> str:
    """See that there is a configuration file, as far as it can be known; returns what is left to do."""
    if device is not None and device.cloud.broker == bundle.broker:
        return f"now {_about_agent(device, config)}"
    if device is not None:
        return f'now write broker = "{bundle.broker}" in {config}, and {_about_agent(device, config)}'
    if bundle.wiring:
        config.parent.mkdir(parents=True, exist_ok=True)
        write_whole(config, config_from(bundle).encode(), mode=0o644)
        started = "now start its keeper and agent: systemctl start hearthgate-keeper hearthgate-agent"
        return f"wrote {config} as the predecessor of {bundle.device} had it; {started}"
    return (
        f'now write {config}: site = "{bundle.site}", name = "{bundle.device}", broker = "{bundle.broker}", and how '
        "its pins are wired"
    )


def _about_agent(device: DeviceConfig, config: Path) -> str:
    from edge.device.doctor import agent_status

    name, runs = device.device.name, agent_status(device.run) is not None
    if device.run != Path(RUN_FOLDER):
        # It is none of the units': a simulated device, which has its folders beside its configuration.
        todo = f"end {name}, which runs, and start it again" if runs else f"start {name}"
        return f"{todo}; a simulated device: hearthgate-sim device {config}"
    if runs:
        return f"restart the agent of {name}, which runs: systemctl restart hearthgate-agent"
    return f"start keeper and agent of {name}: systemctl start hearthgate-keeper hearthgate-agent"


def await_bundle(
    cloud: EnrollmentClient,
    key: DeviceKey,
    nonce: bytes,
    wiring: str,
    pause: Callable[[float], object],
    patience_s: float,
) -> Bundle:
    """Ask, and look again and again until an operator has spoken. Raises ``NotAdopted``."""
    request = key.certificate_request().decode()
    answer = cloud.ask(request, nonce, wiring)
    waited_s = 0.0
    while answer.state == "waiting" and waited_s < patience_s:
        pause(ASK_EVERY_S)
        waited_s += ASK_EVERY_S
        answer = cloud.look(answer.id) or cloud.ask(request, nonce, wiring)
    if answer.state == "waiting":
        raise NotAdopted("nobody has confirmed the code yet: run this again, the code stays the same for a day")
    if answer.state != "confirmed":
        raise NotAdopted("the operator refused this device, or too many wrong codes were typed: run this again")
    try:
        return open_bundle(base64.b64decode(answer.bundle, validate=True), key)
    except (binascii.Error, Malformed) as wrong:
        raise NotAdopted(f"the cloud's bundle cannot be opened: {wrong}") from None


def keep_bundle(bundle: Bundle, folder: Path, key: DeviceKey, authority: str) -> None:
    """Write the keys of a bundle. The old certificate goes first and the new one comes last: while there is none the
    device counts as not adopted.

    Raises ``NotAdopted`` for a bundle that is none for this device, ``OSError`` if it cannot be written.
    """
    if bundle.ca.strip() != authority.strip():
        raise NotAdopted("the bundle names another authority than the one with this fingerprint")
    try:
        check_certificate(bundle.certificate, bundle.ca, bundle.device, key.public())
        keys = {file: bytes.fromhex(getattr(bundle, field)) for file, field in _KEYS.items()}
    except (BadCertificate, ValueError) as wrong:
        raise NotAdopted(f"the bundle is not for this device: {wrong}") from None
    for old in (CERTIFICATE, NEW):
        (folder / old).unlink(missing_ok=True)
    for file, secret in keys.items():
        write_whole(folder / file, f"{secret.hex()}\n".encode())
    write_whole(folder / AUTHORITY, bundle.ca.encode())
    write_whole(folder / CERTIFICATE, bundle.certificate.encode())


def config_from(bundle: Bundle) -> str:
    """The configuration file for a device that has none: as its predecessor's was, with the broker of today."""
    return re.sub(r"(?m)^(\s*broker\s*=\s*).*$", lambda line: f'{line[1]}"{bundle.broker}"', bundle.wiring, count=1)


def label_svg(code: str, url: str) -> str:
    """A label to stick on the device for the day: its code to read, and to scan for the console's page about it."""
    import segno

    made = segno.make(f"{url.rstrip('/')}/adoptions?code={code}", micro=False)
    picture = made.svg_inline(border=2, scale=4)
    width, height = made.symbol_size(scale=4, border=2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 28}" width="40mm">'
        f'<rect width="100%" height="100%" fill="#fff"/>{picture}'
        f'<text x="{width / 2}" y="{height + 16}" text-anchor="middle" font-family="monospace" font-size="20">'
        f"{code}</text></svg>\n"
    )
