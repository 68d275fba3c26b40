"""The pins of this machine, through gpiozero."""

import warnings
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
