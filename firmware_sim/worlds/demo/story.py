"""The story that proves the demo: told without a person, a line a step, against real processes that really die."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator

from edge.journal.journal import JournalView
from edge.passes.repeats import SAME_TEXT_MS
from firmware_sim.control.commands import Fire, Key, ResetKey
from firmware_sim.parts.scanning import Scan
from firmware_sim.worlds.demo.community import (
    DEVICES,
    UNKNOWN_CARD,
    Community,
    SimulatedDevice,
    is_ready,
)
from firmware_sim.worlds.demo.full_gym import CAPACITY, ZONE
from firmware_sim.worlds.demo.hub_story import HANDS_S, HubStory
from firmware_sim.worlds.demo.operator import Operator, StreamedEvent
from firmware_sim.worlds.demo.processes import Program
from firmware_sim.worlds.demo.steps import (
    Act,
    Outcome,
    Step,
    StepFailed,
    check_order,
    ms_between,
    pulses,
    tell,
    tell_beside,
)

MEMBER = "H10301:21:15890"
"""The frame 10001010100111110000100100: a yearly member, and so a resident."""
GYM, GATE = "gym-turnstile", "east-gate"
LOCK = f"{GATE}.lock"
NEIGHBOURS = ("H10301:21:10001", "H10301:21:10002", "H10301:21:10003", MEMBER, "H10301:21:10006")
ALL_ROWS = 1_000_000
KNOWN_WITHIN_S = 1.0
"""A zone's news is at its devices by then."""
BADGES = 2
"""At each way in while the cloud is killed: at the very first it dies."""


class Story:
    """The steps. Each leaves the world as it found it."""

    def __init__(self, community: Community, operator: Operator) -> None:
        self._community, self._operator = community, operator
        self._gym = community.devices[GYM]
        self._gate = community.devices[GATE]
        self._hub = HubStory(community, operator)

    async def tell(self) -> AsyncIterator[Step]:
        """Each step as it is done. Gate and hub know nothing of one another: what happens there, happens at once."""
        first: tuple[Act, ...] = (
            self._hub.begin,
            ("a member's card opens the turnstile", self._card_opens),
            ("the console shows the passage", self._console_shows),
            ("an unknown card is refused, with its reason", self._stranger),
            ("a gym of 40 of 40 is full, and whoever leaves makes room", self._gym_is_full),
            ("an operator opens the gate from the console, once", self._operator_opens),
            ("the cloud killed in mid-batch: nothing lost, nothing doubled", self._cloud_killed),
        )
        at_the_gate: tuple[Act, ...] = (
            ("a guest's code, keyed at the gate, opens it", self._guest_keys),
            ("a phone at the scanner opens the gate, and its picture does not", self._phone_shows),
            ("five badges with the network cut, all in the cloud once it is back", self._network_cut),
            ("a frozen agent: the lock rests when its lease ends", self._agent_frozen),
            ("an agent killed while unlocked: the lock rests at once", self._agent_killed),
            ("a keeper killed while unlocked: the pulls put the lock to rest", self._keeper_killed),
            ("fire: the door is released before the agent knows", self._fire),
        )
        last = ("every journal row is in the cloud once, in order", self._audit)
        for part in (tell(first), tell_beside(at_the_gate, self._hub.steps), tell([last])):
            async for step in part:
                yield step

    async def _card_opens(self) -> Outcome:
        first_ns, last_ns = await self._tap(self._gym, MEMBER)
        unlocked = await self._gym.control.wait_move(f"{GYM}.unlock", level=True, since_ns=first_ns)
        if not await self._gym.control.walk(GYM):
            raise StepFailed("the arm did not turn")
        ms = ms_between(last_ns, unlocked.at_ns)
        return ms, "unlocked {ms:.1f} ms after the last bit, the silence that ends a frame included"

    async def _console_shows(self) -> Outcome:
        began_ns = time.monotonic_ns()
        _, last_ns = await self._tap(self._gym, MEMBER)
        allowed = await self._operator.wait_for(GYM, GYM, "access.allowed", since_ns=began_ns)
        await self._gym.control.walk(GYM)
        await self._operator.wait_for(GYM, GYM, "access.passed", since_ns=began_ns)
        name = (allowed.event["name"] or {}).get("en")
        return ms_between(last_ns, allowed.at_ns), f"on the stream {{ms:.0f}} ms after the last bit, as {name}"

    async def _stranger(self) -> Outcome:
        began_ns = time.monotonic_ns()
        _, last_ns = await self._tap(self._gym, UNKNOWN_CARD)
        refused = await self._operator.wait_for(GYM, GYM, "access.refused", since_ns=began_ns)
        if refused.event["reason"] != "unknown_credential":
            raise StepFailed(f"refused with {refused.event['reason']}")
        if any(move.name == f"{GYM}.unlock" for move in await self._gym.control.moves(began_ns)):
            raise StepFailed("the turnstile moved")
        return ms_between(last_ns, refused.at_ns), "unknown_credential; the unlock pin did not move"

    async def _gym_is_full(self) -> Outcome:
        """Somebody has counted 40 in the room. The arm turned outwards is one less, whoever it was."""
        await self._operator.count(ZONE, CAPACITY)
        counted_ns = time.monotonic_ns()
        await asyncio.sleep(KNOWN_WITHIN_S)
        _, last_ns = await self._tap(self._gym, MEMBER)
        refused = await self._operator.wait_for(GYM, GYM, "access.refused", since_ns=counted_ns)
        if refused.event["reason"] != "zone_full":
            raise StepFailed(f"refused with {refused.event['reason']}")
        left = await self._gym.control.walk(GYM, "out")
        if not (left and await self._gym.control.tap_and_walk(f"{GYM}.in", MEMBER)):
            raise StepFailed("nobody gets in though somebody has left")
        await self._operator.count(ZONE, 0)
        return ms_between(last_ns, refused.at_ns), "zone_full; let in when somebody had left"

    async def _operator_opens(self) -> Outcome:
        began_ns = time.monotonic_ns()
        outcome = await self._operator.open_once(GATE, "the parcel service")
        if outcome != "done":
            raise StepFailed(f"the device says: {outcome}")
        moved = await self._gate.control.wait_move(LOCK, level=True, since_ns=began_ns)
        if not await self._gate.control.walk(GATE):
            raise StepFailed("the door did not open")
        await self._until_shut(self._gate)
        driven = await self._times_driven(began_ns)
        if driven != 1:
            raise StepFailed(f"the lock was driven {driven} times")
        return ms_between(began_ns, moved.at_ns), "the lock moved {ms:.0f} ms after the click, and the console says so"

    async def _guest_keys(self) -> Outcome:
        began_ns = time.monotonic_ns()
        # Somebody has just held a card there: without the star it would be a PIN.
        await self._gate.control.ask(Key(f"{GATE}.in", f"*{self._community.visitors.guest.code}#"))
        allowed = await self._let_in(began_ns)
        name = (allowed.event["name"] or {}).get("en")
        return ms_between(began_ns, allowed.at_ns), f"on the stream {{ms:.0f}} ms after the first key, as {name}"

    async def _phone_shows(self) -> Outcome:
        began_ns, screen = time.monotonic_ns(), self._community.visitors.screen()
        await self._gate.control.ask(Scan(f"{GATE}.in", screen))
        allowed = await self._let_in(began_ns)
        await asyncio.sleep(SAME_TEXT_MS / 1000)
        shown_ns = time.monotonic_ns()
        await self._gate.control.ask(Scan(f"{GATE}.in", screen))
        refused = await self._operator.wait_for(GATE, GATE, "access.refused", since_ns=shown_ns)
        if refused.event["reason"] != "pass_replayed":
            raise StepFailed(f"its picture was refused with {refused.event['reason']}")
        return ms_between(began_ns, allowed.at_ns), "on the stream {ms:.0f} ms after it was shown; then pass_replayed"

    async def _let_in(self, since_ns: int) -> StreamedEvent:
        """Somebody walks through the gate, which has opened to what they have brought."""
        await self._gate.control.wait_move(LOCK, level=True, since_ns=since_ns)
        if not await self._gate.control.walk(GATE):
            raise StepFailed("the door did not open")
        await self._until_shut(self._gate)
        return await self._operator.wait_for(GATE, GATE, "access.allowed", since_ns=since_ns)

    async def _network_cut(self) -> Outcome:
        began_ns = time.monotonic_ns()
        before = {event["seq"] for event in await self._operator.events_of(GATE)}
        await self._gate.cable.cut()
        try:
            for card in NEIGHBOURS:
                if not await self._gate.control.tap_and_walk(f"{GATE}.in", card):
                    raise StepFailed(f"{card} did not get through with the network cut")
                await self._until_shut(self._gate)
        finally:
            await self._gate.cable.restore()
            restored_ns = time.monotonic_ns()
        driven = await self._times_driven(began_ns)
        await self._gate.until_drained()
        ms = ms_between(restored_ns, time.monotonic_ns())
        events = [event for event in await self._operator.events_of(GATE) if event["seq"] not in before]
        allowed = sum(event["kind"] == "access.allowed" for event in events)
        if not allowed == driven == len(NEIGHBOURS):
            raise StepFailed(f"{driven} openings, {allowed} of {len(NEIGHBOURS)} badges in the cloud")
        check_order(GATE, events)
        return ms, f"{allowed} of {len(NEIGHBOURS)} there {{ms:.0f}} ms after the cable was back, in order"

    async def _cloud_killed(self) -> Outcome:
        began_ns = time.monotonic_ns()
        devices = [self._community.devices[name] for name, *_ in DEVICES]
        badges = [asyncio.create_task(self._badges(device)) for device in devices]
        await self._operator.wait(lambda event: event["kind"] == "access.allowed", since_ns=began_ns)
        await self._community.cloud.kill()
        for device in devices:
            await device.until(lambda status: status["journal"]["waiting"] > 0, "has nothing that the cloud lacks")
        await self._community.cloud.start()
        await asyncio.gather(*badges)
        badged_ns = time.monotonic_ns()
        for device in self._community.devices.values():
            await device.until_drained()
        ms = ms_between(badged_ns, time.monotonic_ns())
        _, counted = await self._audit()
        return ms, f"caught up {{ms:.0f}} ms after the last badge; {counted}"

    async def _agent_frozen(self) -> Outcome:
        unlocked_ns = await self._unlock()
        self._gate.agent.send(signal.SIGSTOP)
        try:
            rested_ns = await self._rested(unlocked_ns)
        finally:
            self._gate.agent.send(signal.SIGCONT)
        await self._gate.until(is_ready, "did not come back")
        return ms_between(unlocked_ns, rested_ns), "the board saw the lock at rest {ms:.0f} ms after it was unlocked"

    async def _agent_killed(self) -> Outcome:
        return await self._rest_ms(self._gate.agent), "the board saw the lock at rest {ms:.1f} ms after kill -9"

    async def _keeper_killed(self) -> Outcome:
        ms = await self._rest_ms(self._gate.keeper)
        return ms, "the board's pulls had the lock at rest {ms:.1f} ms after kill -9"

    async def _fire(self) -> Outcome:
        began_ns = time.monotonic_ns()
        self._gate.agent.send(signal.SIGSTOP)
        try:
            await self._gate.control.ask(Fire("estate", True))
            released = await self._gate.control.wait_move(LOCK, level=True, since_ns=began_ns)
        finally:
            self._gate.agent.send(signal.SIGCONT)
        woken_ns = time.monotonic_ns()
        await self._operator.wait_for(GATE, "", "emergency.began", since_ns=began_ns)
        await self._gate.control.ask(Fire("estate", False))
        await asyncio.sleep(HANDS_S)
        await self._gate.control.ask(ResetKey("estate"))
        await self._gate.control.wait_move(LOCK, level=False, since_ns=woken_ns)
        ms = ms_between(began_ns, released.at_ns)
        return ms, "released after {ms:.0f} ms, the input's debounce included, while the agent stood still"

    async def _audit(self) -> Outcome:
        began_ns = time.monotonic_ns()
        total = 0
        for device in self._community.devices.values():
            await device.until_drained()
            with JournalView(device.config.state / "journal.db") as view:
                journal = [row.seq for row in view.tail(ALL_ROWS)]
            events = await self._operator.events_of(device.name)
            check_order(device.name, events)
            if journal != [event["seq"] for event in events][: len(journal)]:
                raise StepFailed(f"{device.name}: journal and cloud differ: {len(journal)} rows, {len(events)} events")
            total += len(journal)
        ms = ms_between(began_ns, time.monotonic_ns())
        return ms, f"{total} rows of {len(self._community.devices)} journals"

    async def _badges(self, device: SimulatedDevice) -> None:
        for _ in range(BADGES):
            await device.control.tap_and_walk(f"{device.name}.in", MEMBER)
            await self._until_shut(device)

    async def _tap(self, device: SimulatedDevice, card: str) -> tuple[int, int]:
        """When the first and the last bit of the card came."""
        return pulses(await device.control.tap(f"{device.name}.in", card))

    async def _unlock(self) -> int:
        """Badge at the gate without walking through; returns when the lock was driven."""
        first_ns, _ = await self._tap(self._gate, MEMBER)
        return (await self._gate.control.wait_move(LOCK, level=True, since_ns=first_ns)).at_ns

    async def _rested(self, since_ns: int) -> int:
        """When the gate's lock came to rest."""
        return (await self._gate.control.wait_move(LOCK, level=False, since_ns=since_ns, timeout_ms=15_000)).at_ns

    async def _rest_ms(self, program: Program) -> float:
        """Kill a program of the gate while its lock is driven; milliseconds until the lock rested. It starts again."""
        unlocked_ns = await self._unlock()
        killed_ns = time.monotonic_ns()
        await program.kill()
        try:
            # A busy board stamps what it does in one breath with the beginning of it, which may lie before the kill.
            return max(0.0, ms_between(killed_ns, await self._rested(unlocked_ns)))
        finally:
            await program.start()
            await self._gate.until(is_ready, "did not come back")

    async def _times_driven(self, since_ns: int) -> int:
        """How often the gate's lock was driven."""
        return sum(move.name == LOCK and move.level for move in await self._gate.control.moves(since_ns))

    async def _until_shut(self, device: SimulatedDevice) -> None:
        """Wait until the leaf or the arm is back where the next person finds it."""
        await device.until_phase(device.name, "closed" if device.name.endswith(("gate", "door")) else "rest")
