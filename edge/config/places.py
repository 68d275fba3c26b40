"""Where a device finds its own keeper, and whether a host is this machine."""

from ipaddress import ip_address
from pathlib import Path


def socket_path(run_folder: Path) -> Path:
    """Where the keeper listens."""
    return run_folder / "keeper.sock"


def is_loopback(host: str) -> bool:
    """Whether a host is written as a loopback address: the only one that plain TCP may go to. A name never is."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
