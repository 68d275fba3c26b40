"""The riders' hub of the sample with its device: what it says of its sockets, as the cloud hears it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cloud.devices.registry import register
from contract import codec
from contract.messages import Live
from tests.cloud.support.sender import Sender
from tests.cloud.support.town import Town

DEVICE = "hub-sockets"
SESSION = "00112233aabbccdd"
DIGEST = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


class RidersHub:
    """``says`` sends everything at once: how the sockets are, and what is read of them now."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.connection = 1
        town.senders[DEVICE] = Sender(DEVICE)
        with town.store.writing() as connection:
            key = town.senders[DEVICE].key.public()
            register(connection, DEVICE, key, town.now_ms, "驿站充电", "Hub charging")

    def says(
        self,
        phases: Mapping[str, str | dict[str, Any]],
        live: dict[str, Any] | None = None,
        *,
        faults: dict[str, str] | None = None,
    ) -> None:
        reports = {name: {"phase": said} if isinstance(said, str) else said for name, said in phases.items()}
        self.town.beats(DEVICE, faults=faults, points=reports)
        self.reads(live or {})

    def reads(self, live: dict[str, Any]) -> None:
        """The readings of this moment, whatever they are."""
        self.town.arrives(DEVICE, "live", codec.write(Live(self.town.now_ms, live)))

    def lies(self, payload: object) -> None:
        self.town.arrives(DEVICE, "live", msgspec.json.encode(payload))

    def tells(self, what: str, point: str = "phone-1", session: str = SESSION, **data: Any) -> None:
        """An event of a session."""
        self.town.happens(f"session.{what}", device=DEVICE, point=point, session=session, **data)

    def charges(self, name_en: str = "Sun Qi", point: str = "phone-1", session: str = SESSION, **live: Any) -> None:
        """Somebody has begun to charge, and the socket says how far it has got."""
        holder = self.town.holder(name_en)
        self.tells("started", point, session, holder=holder, digest=DIGEST, **{"class": "phone"}, by="card")
        read = {"class": "phone", "power_w": 18, "energy_wh": 7.4, "minutes": 30, "minutes_left": 210}
        self.says({point: "charging"}, {point: {**read, "free_at_minutes": 45, "session": session, **live}})

    def ends(self, point: str = "phone-1", session: str = SESSION, reason: str = "full", **more: Any) -> None:
        receipt = {
            "fen": 120,
            "tier": "rider",
            "free_minutes": 10,
            "lines": [line()],
            "idle_minutes": 2,
            "idle_fen": 20,
        }
        ended = {"reason": reason, "energy_wh": 12.6, "ms": 3_600_000, "receipt": receipt}
        self.tells("ended", point, session, **{"holder": self.town.holder("Sun Qi"), **ended, **more})


def line() -> dict[str, int]:
    """A line of a receipt."""
    return {"fen_per_hour": 100, "fen_per_kwh": 0, "ms": 3_600_000, "mwh": 12_600, "fen": 100}
