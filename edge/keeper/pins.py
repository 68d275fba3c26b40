"""The pins of this machine, through gpiozero."""

import warnings
from pathlib import Path
from typing import Any

from gpiozero import Device
from gpiozero.exc import BadPinFactory, PinFactoryFallback


def pin_factory() -> Any:
    """The factory that works here, or that GPIOZERO_PIN_FACTORY names. Raises ``BadPinFactory`` with the cure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PinFactoryFallback)  # one complaint says it all, if none of them works
        try:
            Device.ensure_pin_factory()
        except BadPinFactory as wrong:
            raise BadPinFactory(f"{wrong} Install python3-lgpio, and run on a Raspberry Pi") from None
    return Device.pin_factory


def mark_simulated(run: Path, factory: Any) -> None:
    """Leave a mark in the device's run folder where these pins are simulated, and take away an old one where they are
    not: another process cannot tell which pins the keeper has. Raises ``OSError``."""
    if getattr(factory, "simulated", False):
        _mark(run).touch(mode=0o600)
    else:
        _mark(run).unlink(missing_ok=True)


def is_simulated(run: Path) -> bool:
    """Whether the last keeper of this device had simulated pins."""
    return _mark(run).exists()


def _mark(run: Path) -> Path:
    return run / "simulated"
