"""What a signed pass adds to a decision, from the text of a scanner: a phone's own one check of a signature, one that
the cloud has signed for a rider two, and one when it is shown again.

In this process, turn by turn with decisions by a card, and with bare checks of a signature by the same library, which
have the key at hand.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from types import MappingProxyType
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from benchmarks._machine import describe
from benchmarks._report import finish, show
from contract.carried_passes import CarriedPass, issue_carried
from contract.cose import PassKey, key_id_of, write_cbor
from contract.credentials import canonical, encode, phone_credential
from contract.decide import Grant, Tier, Trust
from contract.demands import Demand
from contract.passes import pack_shown, pass_text, short_bytes_to_sign
from contract.schedules import ALWAYS
from contract.sealing import DigestKey, credential_digest
from contract.zone_rules import PageZone
from edge.agent.decider import Decider
from edge.archetypes.protocol import Report
from edge.passes.door_passes import DoorPasses, PassTerms
from edge.passes.scans import read_scan

PASSES, ROUNDS = 400, 5
NOW_S = 1_800_000_000
DOOR, SITE = "gym-turnstile", "sunny-court"
KEY = DigestKey(bytes(range(32)))
PHONE, RIDER, CLOUD = (PassKey.from_bytes(bytes([number] * 32)) for number in (1, 2, 3))
BARE, BY_CARD = "bare check", "a decision by a card"
CARD = encode("H10301", facility=21, number=15890)


class Now:
    """A clock that stands where it is put."""

    boot, trust, error_ms, floor_ms, last_contact_ms = "b7", Trust.SYNCED, 100, 0, NOW_S * 1000
    at_s = NOW_S

    def now_ms(self) -> int:
        return self.at_s * 1000

    def mono_ms(self) -> int:
        return self.at_s * 1000


class Known:
    """A roster with one phone, and with the cloud's key for passes."""

    number, site_page, issued_ms, zone = 1, bytes(16), NOW_S * 1000, ZoneInfo("Asia/Shanghai")
    demands: Mapping[str, Demand] = MappingProxyType({})
    pass_keys: Sequence[bytes] = (CLOUD.public(),)
    revoked: frozenset[bytes] = frozenset()

    def __init__(self) -> None:
        phone = credential_digest(KEY, phone_credential(key_id_of(PHONE.public())))
        grants = [Grant(b"resident", Tier.RESIDENT, {DOOR: ALWAYS}, key=PHONE.public())]
        self._grants = {phone: grants, credential_digest(KEY, canonical(CARD) or b""): grants}

    def counted(self, point: str) -> tuple[str, PageZone] | None:
        return None

    def find(self, digest: bytes) -> list[Grant]:
        return self._grants.get(digest, [])


class Door:
    """A door of a device as it is shipped, without its station."""

    def __init__(self) -> None:
        self.now, roster = Now(), Known()
        self._decider, self._report = Decider(roster, self.now, KEY), Report("rest")
        terms = PassTerms(SITE, roster.pass_keys, roster.revoked)
        self._passes = DoorPasses(lambda: terms, self._decider.grants_of, self.now)

    def decide_card(self) -> bool:
        """From the bits of a frame to the decision."""
        digest = self._decider.digest_of(CARD) or b""
        return self._decider.decide(digest, DOOR, "in", free_exit=False, report=self._report).decision.allowed

    def opens(self, text: str) -> None:
        """From the text of a scanner to the decision, which is to let in."""
        scan = read_scan(text, plates=False)
        assert scan is not None and scan.shown is not None
        judged = self._passes.judge(scan.shown, DOOR)
        decided = self._decider.decide(
            self._decider.digest_of_card(judged.credential),
            DOOR,
            "in",
            free_exit=False,
            report=self._report,
            credential=judged.kind,
            pass_verdict=judged.verdict,
            granted=judged.granted,
        )
        assert decided.decision.allowed


def signed(phone: PassKey, at_s: int) -> bytes:
    """What a phone signs at this moment."""
    return phone.sign(write_cbor({6: at_s})).pack()


def carried(until_s: int) -> bytes:
    """A rider's pass."""
    holder = until_s.to_bytes(8, "big")
    made = CarriedPass(holder, SITE, holder, Tier.RIDER, RIDER.public(), (DOOR,), NOW_S, until_s)
    return issue_carried(made, CLOUD)


def texts() -> dict[str, list[str]]:
    """What is shown, by what it is: of each moment one."""
    moments, known = range(NOW_S, NOW_S + PASSES), carried(NOW_S + 7_200)
    return {
        "short": [pass_text(signed(PHONE, at_s)) for at_s in moments],
        "carried": [pass_text(pack_shown(carried(at_s + 3_600), signed(RIDER, at_s))) for at_s in moments],
        "carried, shown again": [pass_text(pack_shown(known, signed(RIDER, at_s))) for at_s in moments],
    }


def bare_check() -> Callable[[], None]:
    """A check of a signature by the library alone."""
    private = ec.derive_private_key(7, ec.SECP256R1())
    public, es256, stated = private.public_key(), ec.ECDSA(hashes.SHA256()), short_bytes_to_sign(NOW_S)
    r, s = utils.decode_dss_signature(private.sign(stated, es256))
    return lambda: public.verify(utils.encode_dss_signature(r, s), stated, es256)


def timed_us(act: Callable[[], object]) -> float:
    began = perf_counter_ns()
    act()
    return (perf_counter_ns() - began) / 1000


def measure() -> dict[str, list[float]]:
    """The median of each way, round by round. In a round every pass comes in turn with a bare check and with a decision
    by a card, so that none finds in the processor's caches what the others do not."""
    shown, check = texts(), bare_check()
    gc.collect()
    gc.freeze()  # as an agent does at its start
    took: dict[str, list[float]] = {name: [] for name in (BARE, BY_CARD, *shown)}
    for _ in range(ROUNDS):
        doors = {name: Door() for name in shown}
        each: dict[str, list[float]] = {name: [] for name in took}
        for number in range(PASSES):
            each[BARE].append(timed_us(check))
            for name, door in doors.items():
                door.now.at_s = NOW_S + number
                each[name].append(timed_us(partial(door.opens, shown[name][number])))
            each[BY_CARD].append(timed_us(doors["short"].decide_card))
        for name, times in each.items():
            took[name].append(median(times))
    return took


CHECKS = {"short": 1, "carried": 2, "carried, shown again": 1}
"""How many signatures are checked for each."""


def main() -> None:
    took = {name: median(rounds) for name, rounds in measure().items()}
    added = {name: (took[name] - took[BY_CARD]) / (checks * took[BARE]) for name, checks in CHECKS.items()}
    rows = [
        [name, f"{us:.0f}", str(CHECKS.get(name, "")), f"{added[name]:.2f}" if name in added else ""]
        for name, us in took.items()
    ]
    show("What a pass adds to a decision", ("", "µs", "checks", "adds × checks"), rows)
    with TemporaryDirectory() as folder:
        machine = describe(Path(folder))
    us = {name: round(value, 1) for name, value in took.items()}
    finish("passes", {"us": us, "added": {name: round(ratio, 3) for name, ratio in added.items()}}, machine)


if __name__ == "__main__":
    main()
