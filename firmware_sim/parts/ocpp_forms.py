"""The forms of the messages of a charging post, in OCPP 1.6 and 2.0.1. Pure."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware_sim.parts.ocpp_client import Payload, Version

ENERGY, POWER = "Energy.Active.Import.Register", "Power.Active.Import"
BOOT: Mapping[Version, Payload] = {
    "1.6": {"chargePointVendor": "Sample", "chargePointModel": "Post 16", "firmwareVersion": "1"},
    "2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"vendorName": "Sample", "model": "Post 201", "firmwareVersion": "1"},
    },
}


@dataclass
class Transaction:
    """One that runs or has still to be told of. ``number`` is None until the central system has given one."""

    local: int
    tag: str
    number: int | None = None
    turn: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    remote_start: int | None = None


def token(version: Version, tag: str) -> Payload:
    """A card as it stands in a message."""
    return {"idTag": tag} if version == "1.6" else {"idToken": {"idToken": tag, "type": "ISO14443"}}


def tag_in(payload: Payload) -> str:
    """The card that a message names."""
    return str(payload["idTag"] if "idTag" in payload else payload["idToken"]["idToken"])


def verdict(answer: Payload) -> str:
    """What the central system says of a card, such as ``Accepted``; empty where it says nothing."""
    return str((answer.get("idTagInfo") or answer.get("idTokenInfo") or {}).get("status", ""))


def samples_16(meter_wh: float, power_w: float) -> list[dict[str, Any]]:
    """A reading of the meter in 1.6, where values are texts."""
    return [
        {"value": f"{meter_wh / 1000:.3f}", "unit": "kWh", "measurand": ENERGY},
        {"value": f"{power_w:.0f}", "unit": "W", "measurand": POWER},
    ]


def samples_201(meter_wh: int, power_w: float) -> list[dict[str, Any]]:
    """A reading of the meter in 2.0.1."""
    power = {"value": round(power_w, 1), "measurand": POWER, "unitOfMeasure": {"unit": "W"}}
    return [{"value": float(meter_wh), "measurand": ENERGY}, power]


def status_form(version: Version, status: str, at: str) -> Payload:
    """What a connector tells of itself."""
    if version == "1.6":
        error = "OtherError" if status == "Faulted" else "NoError"
        return {"connectorId": 1, "errorCode": error, "status": status, "timestamp": at}
    return {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": at}
