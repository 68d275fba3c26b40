"""Somebody who holds the broker: they hear all, may say anything to anybody on every channel, and repeat."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519

from contract import codec, topics
from contract.commands import COMMANDS
from contract.decide import DAY_MS, Mode, Trust
from contract.events import CHAIN_START, Event, chain, encode_event
from contract.messages import (
    Ack,
    Beat,
    Certificate,
    Command,
    Desired,
    EventBatch,
    Lend,
    Live,
    Manifest,
    Renewal,
    Reported,
    Result,
    State,
    Usage,
    Want,
)
from contract.sealing import DeviceKey, Purpose, SyncKey, mac, statement, tip_statement
from contract.topics import DOWN_CHANNELS, UP_CHANNELS
from contract.zone_news import RoomTaken, SeenRow, ZoneNews
from firmware_sim.network.virtual_mqtt import VirtualBroker, VirtualLink

Sign = Callable[[bytes], bytes]
NUMBERS = (-(1 << 70), -1, 0, 1, 2, 3, 77, (1 << 31) - 1, 1 << 53, (1 << 63) - 1, 1 << 63, 1 << 64, 1 << 200)
YEAR_1970_MS, YEAR_2038_MS = 0, (1 << 31) * 1000


class Thief:
    """A client of the broker with every right, a memory, and keys of its own."""

    def __init__(self, broker: VirtualBroker, site: str, device: str, seed: int, now_ms: Callable[[], int]) -> None:
        self.heard: dict[str, list[bytes]] = {}
        self._random = Random(seed)
        self._site, self._device, self._now_ms = site, device, now_ms
        self._keys: list[Sign] = [
            ed25519.Ed25519PrivateKey.generate().sign,
            DeviceKey.generate().sign,
            lambda stated: mac(SyncKey(bytes(32)), stated),
            lambda _stated: b"",
        ]
        self._learned: dict[str, list[bytes]] = {}
        self._journal = ""
        self.link = VirtualLink(broker, "thief", subscribe=["#"])
        self.link.on_message = lambda topic, payload, _retained: self.heard.setdefault(topic, []).append(payload)
        self.link.start()

    def learn(self) -> None:
        """What was said up to now is what will be said again, and spoilt. What the thief says is not learned from."""
        self._learned = {topic: list(said) for topic, said in self.heard.items()}
        batch = self.last(topics.up(self._site, self._device, "events"))
        self._journal = codec.unpack(batch, EventBatch).journal

    def attack(self) -> None:
        """Say one thing, drawn anew."""
        way, channels = self._random.choice([(topics.down, DOWN_CHANNELS), (topics.up, UP_CHANNELS)])
        channel = self._random.choice(channels)
        device = self._device if self._random.random() < 0.9 else self._random.choice(["east-gate", "nobody"])
        make = self._random.choice([self._repeats, self._repeats, self._spoils, self._makes, self._makes, self._noise])
        self.say(way(self._site, device, channel), make(channel), retain=self._random.random() < 0.3)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.link.publish(topic, payload, qos=1, retain=retain)

    def last(self, topic: str) -> bytes:
        return self.heard[topic][-1]

    def _repeats(self, channel: str) -> bytes:
        """Something that was once said, as a rule on the same channel."""
        same = [payload for topic, said in self._learned.items() if topic.endswith(f"/{channel}") for payload in said]
        every = [payload for said in self._learned.values() for payload in said]
        return self._random.choice(same if same and self._random.random() < 0.8 else every)

    def _spoils(self, channel: str) -> bytes:
        """The same with a bit turned, cut short, or with the seal of another."""
        payload = bytearray(self._repeats(channel))
        how = self._random.randrange(3)
        if how == 0 and payload:
            payload[self._random.randrange(len(payload))] ^= 1 << self._random.randrange(8)
        elif how == 1:
            del payload[self._random.randrange(len(payload) + 1) :]
        else:
            payload[:] = payload.partition(b"\n")[0] + b"\n" + self._repeats(channel).partition(b"\n")[2]
        return bytes(payload)

    def _noise(self, _channel: str) -> bytes:
        return self._random.randbytes(self._random.choice([0, 1, 20, 1000, 70_000]))

    def _makes(self, channel: str) -> bytes:
        """A message as the contract has it, under a seal of the thief's own or none."""
        if channel == "events":
            return self._events()
        if channel == "page":
            return self._random.randbytes(200)
        kinds: dict[str, Callable[[], msgspec.Struct]] = {
            "ack": self._ack,
            "roster": self._manifest,
            "config": self._desired,
            "command": self._command,
            "certificate": lambda: Certificate("-----BEGIN CERTIFICATE-----\n", self._time()),
            "state": self._state,
            "beat": self._beat,
            "live": self._live,
            "want": lambda: Want([self._random.randbytes(16) for _ in range(self._random.randint(1, 64))]),
            "reported": lambda: Reported(self._number(), "applied", self._time(), {self._device: Mode.LOCKDOWN}),
            "result": lambda: Result(self._random.randbytes(16).hex(), "done", self._time()),
            "renew": lambda: Renewal("-----BEGIN CERTIFICATE REQUEST-----\n"),
            "lend": lambda: Lend(**self._quantity(), allowance=self._parts(), used=0),
            "usage": lambda: Usage(**self._quantity(), allowance=self._parts(), used=self._parts()),
            "zone": self._zone_news,
            "room": lambda: RoomTaken(zone="gym", division=self._random.randint(0, 99), wants=True),
        }
        body = codec.write(kinds[channel]())
        if channel in ("beat", "live", "want", "certificate") or self._random.random() < 0.2:
            return body
        purpose = self._random.choice(list(Purpose))
        return codec.attach(body, self._random.choice(self._keys)(statement(purpose, self._site, self._device, body)))

    def _zone_news(self) -> ZoneNews:
        seen = {self._device: SeenRow(self._journal, self._random.randint(0, 9_999))}
        inside, now_ms = self._random.randint(0, 99), self._time()
        return ZoneNews(zone="gym", number=max(1, now_ms), issued_ms=now_ms, seen=seen, inside=inside, room=99)

    def _ack(self) -> Ack:
        journal = self._random.choice([self._journal, "0" * 16])
        rewind, fork = (self._random.random() < 0.5 for _ in range(2))
        return Ack(journal, abs(self._number()), self._time(), rewind=rewind, fork=fork)

    def _manifest(self) -> Manifest:
        count = self._random.randint(0, 5)
        pages = [self._random.randbytes(16) for _ in range(count)]
        return Manifest(self._device, 99, self._time(), 1 << 60, self._random.randbytes(16), pages, count)

    def _desired(self) -> Desired:
        mode = self._random.choice([Mode.HOLD_OPEN, Mode.LOCKDOWN, Mode.OUT_OF_SERVICE])
        return Desired(self._device, self._random.choice([1, 2, 99]), self._time(), {self._device: mode})

    def _command(self) -> Command:
        return Command(
            id=self._random.randbytes(16).hex(),
            device=self._device,
            op=self._random.choice(list(COMMANDS)),
            by="thief",
            reason="none of your business",
            connection=self._random.choice([1, 2, 3]),
            lifetime_ms=30_000,
            issued_ms=self._now_ms(),
            point=self._device,
            args={"now_ms": self._time(), "digest": "00" * 16, "session": "00" * 8, "zone": "gym", "on": True},
        )

    def _state(self) -> State:
        return State(
            online=self._random.random() < 0.5,
            connection=self._number(),
            boot="\u0000" * 8,
            software="<script>",
            config_hash="x",
            points={self._device: {"phase": "open", "mode": "hold_open"}},
        )

    def _beat(self) -> Beat:
        faults = {"<script>": "\u0000", f"{self._device}.forced": "present", "": ""}
        trust = self._random.choice(list(Trust))
        rows, waiting, oldest_ms, unlogged, error_ms = (self._number() for _ in range(5))
        return Beat(self._time(), self._number(), trust, rows, waiting, oldest_ms, unlogged, faults, error_ms)

    def _live(self) -> Live:
        lie = self._random.choice([self._number(), "<script>", None, {"power_w": "\u0000"}])
        return Live(self._time(), {self._device: {"class": lie, "power_w": lie, "session": lie}, "": {}})

    def _events(self) -> bytes:
        """Rows behind what the cloud has, or in place of it, that open, lock and set the time."""
        first = self._random.choice([1, 2, 5, 10, 1000])
        kinds = ["access.allowed", "device.clock_fixed", "command.done", "journal.gap", "turnstile.opened"]
        rows = [
            encode_event(Event(seq, self._time(), 1, "b7", Trust.SYNCED, self._device, self._random.choice(kinds), {}))
            for seq in range(first, first + 3)
        ]
        tip = CHAIN_START
        for row in rows:
            tip = chain(tip, row)
        journal = self._journal
        stated = tip_statement(self._site, self._device, journal, first, first + 2, tip)
        seal = self._random.choice(self._keys)(stated)
        return codec.pack(EventBatch(1, journal, first, first + 2, CHAIN_START, tip, False, rows, seal))

    def _quantity(self) -> dict[str, Any]:
        """Of somebody, or of nobody: an allowance of any number."""
        return {
            "holder": self._random.randbytes(8).hex(),
            "allotment": "rider-phone",
            "unit": "minutes",
            "period": self._parts(),
            "number": self._random.choice([0, 1, 2, 99]),
        }

    def _parts(self) -> int:
        return self._random.choice([0, 1, 60_000, 1 << 40])

    def _number(self) -> int:
        return self._random.choice(NUMBERS)

    def _time(self) -> int:
        now_ms = self._now_ms()
        return self._random.choice([YEAR_1970_MS, YEAR_2038_MS, now_ms, now_ms - DAY_MS // 2, now_ms + DAY_MS // 2])
