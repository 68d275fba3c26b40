"""The sample configurations, of a checkout or of an installed package, and the devices that are made of them."""

import tomllib
from pathlib import Path

from contract.templates import Expansion

_CHECKOUT, _PACKAGED = Path(__file__).parents[3] / "config", Path(__file__).parents[2] / "config"
SAMPLES = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT

_CLOUD = '[cloud]\nbroker = "mqtt://127.0.0.1:1883"\n'
"""Where the wiring of a sample begins."""
_SERIAL = (('"/dev/serial0"', '"meters"'), ('"/dev/ttyACM0"', '"scanner"'))
"""The serial ports of the samples, and the pseudo-terminals in their place."""
POSTS_AT = '"192.168.50.1:9000"'
"""Where the samples have posts connect; a simulated device has them at a port of this machine."""


def kinds() -> list[str]:
    """The samples that there are."""
    return sorted(file.stem for file in SAMPLES.glob("*.toml"))


def configured(
    sample: str, former: str = "", *, site: str, name: str, zone: str, broker: str, posts_at: str = ""
) -> str:
    """The configuration file of a simulated device: a sample's wiring under these names, in a folder of its own. Its
    point has the sample's own name or ``former``."""
    text = (SAMPLES / f"{sample}.toml").read_text()
    document = Expansion(tomllib.loads(text)).document
    former, its_zone = former or document["device"]["name"], document["point"][0]["zone"]
    wiring = text[text.index(_CLOUD) + len(_CLOUD) :]
    wiring = wiring.replace(f'"{former}"', f'"{name}"').replace(f'zone = "{its_zone}"', f'zone = "{zone or its_zone}"')
    for port, simulated in _SERIAL:
        wiring = wiring.replace(port, simulated)
    wiring = wiring.replace(POSTS_AT, f'"{posts_at}"' if posts_at else POSTS_AT)
    head = f'[device]\nsite = "{site}"\nname = "{name}"\nstate = "state"\nkeys = "keys"\nrun = "run"\n'
    return f'{head}\n[cloud]\nbroker = "{broker}"\n{wiring}'
