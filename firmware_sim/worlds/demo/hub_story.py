"""The riders' hub's part of the story: sockets and posts that charge, and the ways in which that must end."""

import asyncio
import time
from typing import Any

from cloud.sample import FACILITY, PEOPLE
from firmware_sim.control.commands import ResetKey, Smoke
from firmware_sim.parts.ev_post import PlugInCar, PullPost, TapPost
from firmware_sim.parts.hardware import Command
from firmware_sim.parts.socket import Cool, Overheat, PlugIn, Unplug, What
from firmware_sim.worlds.demo.community import HUB, Community, until
from firmware_sim.worlds.demo.operator import Operator, StreamedEvent
from firmware_sim.worlds.demo.steps import Act, Outcome, StepFailed, ms_between, pulses

HANDS_S = 0.3
"""A person needs a moment between silencing the panel and turning the key."""
RIDER, STAFF = (f"H10301:{FACILITY}:{number}" for number in (10010, 10011))
CHARGING_CARD = f"{next(person.uid for person in PEOPLE if person.uid):08X}"
"""What a post reads of a rider's other card."""
PHONE, EBIKE, HOT, NEXT = "phone-1", "ebike-1", "ebike-2", "phone-2"
POSTS = "ev-1", "ev-2"
CONTACTORS = "bank-a.contactor", "bank-b.contactor"
ALMOST_FULL, HALF = 93.7, 50.0
"""Of a fast phone the last of it takes three quarters of a minute, and a little more than one watt-hour."""
BURNT_OHM = 30.0
"""So bad a contact that an e-bike makes it hot within a quarter of a minute. A worse one lets too little through."""
CUT_C = 69.95
"""At 70 degrees a socket is cut; its thermistor tells tenths."""
REGISTER_WH = 1
"""A meter counts whole watt-hours, so a session's energy is known to one."""
POST_WH = 10
"""At 7 kW a post gives two watt-hours a second, and it may begin a moment before we look."""
ALONE_S = 4.0
LOOK_AGAIN_S = 0.05
TAPS, TAPS_UNTIL_TOLD, NOTICED_S = 3, 5, 2.0
"""How often a rider taps who sees nothing happen, and after how long."""


class HubStory:
    """The steps, in order. What begins in ``begin`` takes about a minute, so other steps are told before ``steps``."""

    def __init__(self, community: Community, operator: Operator) -> None:
        self._operator = operator
        self._hub = community.devices[HUB[0]]
        self._tapped_ns = 0
        self.begin: Act = ("a rider's card gives a phone power", self._starts)
        self.steps: tuple[Act, ...] = (
            ("an e-bike's socket too hot: cut, and only staff clears it, on site", self._too_hot),
            ("posts alone without their cables: each session told once", self._posts_alone),
            ("the phone is full: a session with energy and receipt", self._full),
            ("an agent killed with the network cut: dead at once, then the same session", self._resumed),
            ("smoke: every socket dead until somebody turns the key", self._smoke),
        )

    async def _starts(self) -> Outcome:
        await self._ask(PlugIn(EBIKE, "ebike_lithium", HALF))
        await self._tap(EBIKE, STAFF)
        await self._ask(PlugIn(PHONE, "phone_fast", ALMOST_FULL))
        self._tapped_ns, last_ns = await self._tap(PHONE, RIDER)
        live = await self._hub.control.wait_move(f"{PHONE}.relay", level=True, since_ns=self._tapped_ns)
        await self._line(PHONE, "session.started", self._tapped_ns)
        ms = ms_between(last_ns, live.at_ns)
        return ms, "power {ms:.0f} ms after the last bit, once what was decided is on the disk"

    async def _too_hot(self) -> Outcome:
        await self._charge(HOT, "ebike_lithium", RIDER)
        began_ns = time.monotonic_ns()
        await self._ask(Overheat(HOT, BURNT_OHM))
        crossed_ns = await self._crossing(HOT)
        cut = await self._hub.control.wait_move(f"{HOT}.relay", level=False, since_ns=began_ns)
        await self._ended(HOT, "over_temp", began_ns)
        await self._ask(Cool(HOT))
        refused = await self._tap_until_told(HOT, RIDER, "access.refused")
        if refused.event["reason"] != "faulted" or await self._driven(HOT):
            raise StepFailed(f"a rider at the cut socket: {refused.event['reason']}")
        # A member of staff comes as soon as it is cool, and again if its thermistor was not read since.
        await self._tap_until_told(HOT, STAFF, "socket.fault_cleared")
        await self._hub.until_phase(HOT, "free")
        await self._ask(Unplug(HOT))
        ms = ms_between(crossed_ns, cut.at_ns)
        return ms, "power off {ms:.0f} ms after it was 70 °C; refused until a member of staff tapped there"

    async def _full(self) -> Outcome:
        await self._ended(PHONE, "full", self._tapped_ns, within_s=90)
        (session,) = await self._operator.sessions_at(self._hub.name, PHONE)
        await self._ask(Unplug(PHONE))
        if session["energy_wh"] < 1 or session["receipt"] is None:
            raise StepFailed(f"the cloud has {session}")
        ms, fen = session["lasted_ms"], session["receipt"]["fen"]
        return ms, f"{session['energy_wh']} Wh in {ms / 1000:.0f} s, a receipt of {fen / 100:.2f} yuan"

    async def _resumed(self) -> Outcome:
        await self._hub.until_phase(EBIKE, "charging")
        await self._hub.cable.cut()
        try:
            killed_ns = time.monotonic_ns()
            await self._hub.agent.kill()
            dead = await self._hub.control.wait_move(f"{EBIKE}.relay", level=False, since_ns=killed_ns)
            await self._hub.agent.start()
            again = await self._hub.control.wait_move(
                f"{EBIKE}.relay", level=True, since_ns=dead.at_ns, timeout_ms=30_000
            )
            await self._hub.until_phase(EBIKE, "charging")
            await self._tap(EBIKE, STAFF)
            await self._hub.control.wait_move(f"{EBIKE}.relay", level=False, since_ns=again.at_ns)
        finally:
            await self._hub.cable.restore()
        truth_wh = (await self._part(EBIKE, "socket"))["energy_wh"]
        told_wh = await self._told_once(EBIKE, "interrupted", "resumed")
        await self._ask(Unplug(EBIKE))
        if abs(told_wh - truth_wh) > REGISTER_WH:
            raise StepFailed(f"{truth_wh:.1f} Wh went through the socket, and {told_wh} Wh were told")
        ms, away_s = ms_between(killed_ns, dead.at_ns), ms_between(dead.at_ns, again.at_ns) / 1000
        return ms, f"off {ms:.1f} ms after kill -9, on again {away_s:.1f} s later; one end, {told_wh} of {truth_wh} Wh"

    async def _smoke(self) -> Outcome:
        await self._charge(NEXT, "phone", RIDER)
        await self._charge(EBIKE, "ebike_lithium", RIDER)
        began_ns = time.monotonic_ns()
        await self._ask(Smoke(HUB[2]))
        pins = f"{NEXT}.relay", f"{EBIKE}.relay", *CONTACTORS
        dead = [await self._hub.control.wait_move(pin, level=False, since_ns=began_ns) for pin in pins]
        for point in (NEXT, EBIKE):
            await self._ended(point, "smoke", began_ns)
        await self._ask(Smoke(HUB[2], False))
        await self._tap(NEXT, RIDER)
        await asyncio.sleep(HANDS_S)
        if await self._driven(NEXT):
            raise StepFailed("a card gave power before the zone was reset")
        await self._ask(ResetKey(HUB[2]))
        await self._hub.until_phase(NEXT, "free")
        again_ns, _ = await self._tap(NEXT, RIDER)
        await self._hub.control.wait_move(f"{NEXT}.relay", level=True, since_ns=again_ns)
        for point in (NEXT, EBIKE):
            await self._ask(Unplug(point))
        ms = ms_between(began_ns, max(move.at_ns for move in dead))
        return ms, "relays and contactors at rest after {ms:.0f} ms, the input's debounce included"

    async def _posts_alone(self) -> Outcome:
        for post in POSTS:
            await self._ask(PlugInCar(post, HALF))
            began_ns = time.monotonic_ns()
            if not (await self._ask(TapPost(post, CHARGING_CARD)))["taken"]:
                raise StepFailed(f"{post} did not take the card")
            await self._line(post, "session.started", began_ns)
        carried, ends_alone = POSTS
        before_wh = (await self._part(carried, "post"))["meter_wh"]
        for post in POSTS:
            await self._ask(PullPost(post))
        await asyncio.sleep(ALONE_S)
        await self._ask(Unplug(ends_alone))
        back_ns = time.monotonic_ns()
        for post in POSTS:
            await self._ask(PullPost(post, False))
        await self._told_once(ends_alone)
        ms = ms_between(back_ns, time.monotonic_ns())
        await self._hub.until_phase(carried, "charging")
        await self._ask(TapPost(carried, CHARGING_CARD))
        told_wh = await self._told_once(carried)
        truth_wh = (await self._part(carried, "post"))["meter_wh"] - before_wh
        await self._ask(Unplug(carried))
        if abs(told_wh - truth_wh) > POST_WH:
            raise StepFailed(f"{carried} gave {truth_wh} Wh, and {told_wh} Wh were told")
        return ms, f"an end made alone told {ms:.0f} ms after the cable was back; the other charged on, {told_wh} Wh"

    # What is done at the hub

    async def _ask(self, order: Command) -> dict[str, Any]:
        return await self._hub.control.ask(order)

    async def _tap(self, point: str, card: str) -> tuple[int, int]:
        """Key the number of a socket and hold a card to the reader, again if nothing comes of it: on a busy machine the
        simulated pulses of a key may fall apart. Returns when the card's first and its last bit came."""
        for _ in range(TAPS):
            before = await self._says(point)
            came = await self._hold_card(point, card)
            for _ in range(round(NOTICED_S / LOOK_AGAIN_S)):
                if await self._says(point) != before:
                    return came
                await asyncio.sleep(LOOK_AGAIN_S)
        return came

    async def _hold_card(self, point: str, card: str) -> tuple[int, int]:
        reader = self._hub.config.readers[0]
        (number,) = (number for number, its in reader.points.items() if its == point)
        return pulses(await self._hub.control.tap(reader.name, card, number))

    async def _says(self, point: str) -> tuple[object, ...]:
        """What the device says of a point, as far as a card may change it."""
        status = await self._hub.status() or {"points": {}}
        told = status["points"].get(point, {})
        return told.get("phase"), told.get("shown"), tuple(told.get("faults", ())), told.get("live", {}).get("session")

    async def _charge(self, point: str, what: What, card: str) -> None:
        await self._ask(PlugIn(point, what, HALF))
        await self._tap(point, card)
        await self._hub.until_phase(point, "charging")

    async def _tap_until_told(self, point: str, card: str, kind: str) -> StreamedEvent:
        """Tap where the point itself shows nothing of what comes of it, until the cloud tells."""
        for _ in range(TAPS_UNTIL_TOLD):
            at_ns, _ = await self._hold_card(point, card)
            try:
                return await self._line(point, kind, at_ns, within_s=NOTICED_S)
            except TimeoutError:
                continue
        raise StepFailed(f"{TAPS_UNTIL_TOLD} taps at {point}, and no {kind}")

    # What is seen there

    async def _driven(self, point: str) -> bool:
        return bool((await self._hub.control.view())["points"][point]["outputs"]["relay"]["active"])

    async def _part(self, point: str, part: str) -> dict[str, Any]:
        return dict((await self._hub.control.view())["points"][point][part])

    async def _crossing(self, point: str) -> int:
        """When a socket came to the temperature at which it is cut."""
        before_c, before_ns = 0.0, time.monotonic_ns()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            view = await self._hub.control.view()
            celsius, at_ns = float(view["points"][point]["socket"]["temperature_c"]), int(view["at_ns"])
            if celsius >= CUT_C:
                return round(at_ns - (at_ns - before_ns) * (celsius - CUT_C) / max(celsius - before_c, 0.1))
            before_c, before_ns = celsius, at_ns
            await asyncio.sleep(LOOK_AGAIN_S)
        raise StepFailed(f"{point} did not get hot")

    async def _ended(self, point: str, reason: str, since_ns: int, within_s: float = 10) -> None:
        await self._line(point, "session.ended", since_ns, within_s)
        session = (await self._operator.sessions_at(self._hub.name, point))[0]
        if session["reason"] != reason:
            raise StepFailed(f"the session at {point} ended for {session['reason']!r}, not {reason!r}")

    async def _told_once(self, point: str, *more: str) -> int:
        """Wait until the only session of a point has ended in the cloud; returns its energy. It began and ended once,
        and ``more`` happened once."""

        async def is_over() -> bool:
            return all(one["state"] == "ended" for one in await self._operator.sessions_at(self._hub.name, point))

        await until(is_over, f"the session at {point} does not end in the cloud")
        await self._hub.until_drained()
        events = await self._operator.events_of(self._hub.name)
        kinds = [event["kind"].removeprefix("session.") for event in events if event["point"] == point]
        counts = {what: kinds.count(what) for what in ("started", "ended", *more)}
        sessions = await self._operator.sessions_at(self._hub.name, point)
        if set(counts.values()) != {1} or len(sessions) != 1:
            raise StepFailed(f"{len(sessions)} sessions at {point}, told as {counts}")
        return int(sessions[0]["energy_wh"])

    async def _line(self, point: str, kind: str, since_ns: int, within_s: float = 10) -> StreamedEvent:
        return await self._operator.wait_for(self._hub.name, point, kind, since_ns=since_ns, within_s=within_s)
