"""The story that proves the demo: told without a person, a line a step, against real processes that really die."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator

from edge.journal.journal import JournalView
from firmware_sim.control.commands import Fire, ResetKey
from firmware_sim.worlds.demo.community import DEVICES, UNKNOWN_CARD, Community, SimulatedDevice
from firmware_sim.worlds.demo.hub_story import HANDS_S, HubStory
from firmware_sim.worlds.demo.processes import Program
from firmware_sim.worlds.demo.steps import Act, Step, StepFailed, Told, check_order, pulses, tell, tell_beside
from firmware_sim.worlds.demo.watcher import Event, Seen, Watcher

MEMBER = "H10301:21:15890"
"""The frame 10001010100111110000100100: a yearly member, and so a resident."""
NEIGHBOURS = ("H10301:21:10001", "H10301:21:10002", "H10301:21:10003", MEMBER, "H10301:21:10006")
ALL_ROWS = 1_000_000
BADGES = 2
"""At each way in while the cloud is killed: at the very first it dies."""


class Story:
    """The steps. Each leaves the world as it found it."""

    def __init__(self, community: Community, watcher: Watcher) -> None:
        self._community, self._watcher = community, watcher
        self._gym = community.devices["gym-turnstile"]
        self._gate = community.devices["east-gate"]
        hub = HubStory(community, watcher)
        self._first: tuple[Act, ...] = (
            hub.begin,
            ("a member's card opens the turnstile", self._card_opens),
            ("the console shows the passage", self._console_shows),
            ("an unknown card is refused, with its reason", self._stranger),
            ("an operator opens the gate from the console, once", self._operator_opens),
            ("the cloud killed in mid-batch: nothing lost, nothing doubled", self._cloud_killed),
        )
        self._at_the_gate: tuple[Act, ...] = (
            ("five badges with the network cut, all in the cloud once it is back", self._network_cut),
            ("a frozen agent: the lock rests when its lease ends", self._agent_frozen),
            ("an agent killed while unlocked: the lock rests at once", self._agent_killed),
            ("a keeper killed while unlocked: the pulls put the lock to rest", self._keeper_killed),
            ("fire: the door is released before the agent knows", self._fire),
        )
        self._at_the_hub = hub.steps
        self._last: tuple[Act, ...] = (("every journal row is in the cloud once, in order", self._audit),)

    async def tell(self) -> AsyncIterator[Step]:
        """Each step as it is done. Gate and hub know nothing of one another: what happens there, happens at once."""
        for part in (tell(self._first), tell_beside(self._at_the_gate, self._at_the_hub), tell(self._last)):
            async for step in part:
                yield step

    async def _card_opens(self) -> Told:
        tapped = await self._gym.control.tap("gym-turnstile.in", MEMBER)
        first_ns, last_ns = pulses(tapped)
        unlocked = await self._gym.control.wait_move("gym-turnstile.unlock", level=True, since_ns=first_ns)
        if not await self._gym.control.walk("gym-turnstile"):
            raise StepFailed("the arm did not turn")
        ms = (unlocked.at_ns - last_ns) / 1e6
        return ms, f"unlocked {ms:.1f} ms after the last bit, the silence that ends a frame included"

    async def _console_shows(self) -> Told:
        began_ns = time.monotonic_ns()
        tapped = await self._gym.control.tap("gym-turnstile.in", MEMBER)
        _, last_ns = pulses(tapped)
        allowed = await self._line("gym-turnstile", "access.allowed", began_ns)
        await self._gym.control.walk("gym-turnstile")
        await self._line("gym-turnstile", "access.passed", began_ns)
        ms = (allowed.at_ns - last_ns) / 1e6
        return ms, f"on the stream {ms:.0f} ms after the last bit, as {(allowed.event['name'] or {}).get('en')}"

    async def _stranger(self) -> Told:
        began_ns = time.monotonic_ns()
        tapped = await self._gym.control.tap("gym-turnstile.in", UNKNOWN_CARD)
        _, last_ns = pulses(tapped)
        refused = await self._line("gym-turnstile", "access.refused", began_ns)
        if refused.event["reason"] != "unknown_credential":
            raise StepFailed(f"refused with {refused.event['reason']}")
        if any(move.name == "gym-turnstile.unlock" for move in await self._gym.control.moves(began_ns)):
            raise StepFailed("the turnstile moved")
        return (refused.at_ns - last_ns) / 1e6, "unknown_credential; the unlock pin did not move"

    async def _operator_opens(self) -> Told:
        began_ns = time.monotonic_ns()
        outcome = await self._watcher.open_once("east-gate", "the parcel service")
        if outcome != "done":
            raise StepFailed(f"the device says: {outcome}")
        moved = await self._gate.control.wait_move("east-gate.lock", level=True, since_ns=began_ns)
        if not await self._gate.control.walk("east-gate"):
            raise StepFailed("the door did not open")
        await self._shut(self._gate)
        moves = await self._gate.control.moves(began_ns)
        driven = sum(move.name == "east-gate.lock" and move.level for move in moves)
        if driven != 1:
            raise StepFailed(f"the lock was driven {driven} times")
        ms = (moved.at_ns - began_ns) / 1e6
        return ms, f"the lock moved {ms:.0f} ms after the click, and the console says so"

    async def _network_cut(self) -> Told:
        began_ns = time.monotonic_ns()
        before = {event["seq"] for event in await self._watcher.events_of(self._gate.name)}
        await self._gate.cable.cut()
        try:
            for card in NEIGHBOURS:
                if not await self._gate.control.tap_and_walk("east-gate.in", card):
                    raise StepFailed(f"{card} did not get through with the network cut")
                await self._shut(self._gate)
        finally:
            await self._gate.cable.restore()
            restored = time.monotonic()
        moved = [
            move for move in await self._gate.control.moves(began_ns) if move.name == "east-gate.lock" and move.level
        ]
        await self._drained(self._gate)
        ms = (time.monotonic() - restored) * 1000
        events = [event for event in await self._watcher.events_of(self._gate.name) if event["seq"] not in before]
        allowed = [event for event in events if event["kind"] == "access.allowed"]
        if len(allowed) != len(NEIGHBOURS) or len(moved) != len(NEIGHBOURS):
            raise StepFailed(f"{len(moved)} openings, {len(allowed)} of {len(NEIGHBOURS)} badges in the cloud")
        check_order(self._gate.name, events)
        return ms, f"{len(allowed)} of {len(NEIGHBOURS)} there {ms:.0f} ms after the cable was back, in order"

    async def _cloud_killed(self) -> Told:
        began_ns = time.monotonic_ns()
        badges = [asyncio.create_task(self._badges(self._community.devices[name])) for name, *_ in DEVICES]
        await self._watcher.wait(lambda event: event["kind"] == "access.allowed", since_ns=began_ns)
        await self._community.cloud.kill()
        for name, *_ in DEVICES:
            await self._waiting(self._community.devices[name])
        await self._community.cloud.start()
        await asyncio.gather(*badges)
        badged = time.monotonic()
        for device in self._community.devices.values():
            await self._drained(device)
        ms = (time.monotonic() - badged) * 1000
        _, counted = await self._audit()
        return ms, f"caught up {ms:.0f} ms after the last badge; {counted}"

    async def _agent_frozen(self) -> Told:
        unlocked_ns = await self._unlock(self._gate)
        self._gate.agent.send(signal.SIGSTOP)
        try:
            ms = await self._rest_after(self._gate, unlocked_ns)
        finally:
            self._gate.agent.send(signal.SIGCONT)
        await self._ready(self._gate)
        return ms, f"the board saw the lock at rest {ms:.0f} ms after it was unlocked"

    async def _agent_killed(self) -> Told:
        ms = await self._rest_when_killed(self._gate.agent)
        return ms, f"the board saw the lock at rest {ms:.1f} ms after kill -9"

    async def _keeper_killed(self) -> Told:
        ms = await self._rest_when_killed(self._gate.keeper)
        return ms, f"the board's pulls had the lock at rest {ms:.1f} ms after kill -9"

    async def _fire(self) -> Told:
        began_ns = time.monotonic_ns()
        self._gate.agent.send(signal.SIGSTOP)
        try:
            await self._gate.control.ask(Fire("estate", True))
            released = await self._gate.control.wait_move("east-gate.lock", level=True, since_ns=began_ns)
        finally:
            self._gate.agent.send(signal.SIGCONT)
        woken_ns = time.monotonic_ns()
        await self._line("east-gate", "emergency.began", began_ns, whole_device=True)
        await self._gate.control.ask(Fire("estate", False))
        await asyncio.sleep(HANDS_S)
        await self._gate.control.ask(ResetKey("estate"))
        await self._gate.control.wait_move("east-gate.lock", level=False, since_ns=woken_ns)
        ms = (released.at_ns - began_ns) / 1e6
        return ms, f"released after {ms:.0f} ms, the input's debounce included, while the agent stood still"

    async def _audit(self) -> Told:
        began = time.monotonic()
        total = 0
        for device in self._community.devices.values():
            await self._drained(device)
            with JournalView(device.config.state / "journal.db") as view:
                rows = view.tail(ALL_ROWS)
            in_cloud = await self._watcher.events_of(device.name)
            check_order(device.name, in_cloud)
            journal, cloud = [row.seq for row in rows], [event["seq"] for event in in_cloud]
            if journal != cloud[: len(journal)]:
                raise StepFailed(f"{device.name}: journal and cloud differ: {len(journal)} rows, {len(cloud)} events")
            total += len(journal)
        return (time.monotonic() - began) * 1000, f"{total} rows of {len(self._community.devices)} journals"

    async def _badges(self, device: SimulatedDevice) -> None:
        for _ in range(BADGES):
            await device.control.tap_and_walk(f"{device.name}.in", MEMBER)
            await self._shut(device)

    async def _unlock(self, device: SimulatedDevice) -> int:
        """Badge without walking through; returns when the lock was driven."""
        tapped = await device.control.tap(f"{device.name}.in", MEMBER)
        first_ns, _ = pulses(tapped)
        return (await device.control.wait_move(f"{device.name}.lock", level=True, since_ns=first_ns)).at_ns

    async def _rest_when_killed(self, program: Program) -> float:
        """Kill a program of the gate while its lock is driven; milliseconds until the lock rested. It starts again."""
        unlocked_ns = await self._unlock(self._gate)
        killed_ns = time.monotonic_ns()
        await program.kill()
        try:
            # A busy board stamps what it does in one breath with the beginning of it, which may lie before the kill.
            return max(0.0, await self._rest_after(self._gate, unlocked_ns) - (killed_ns - unlocked_ns) / 1e6)
        finally:
            await program.start()
            await self._ready(self._gate)

    async def _rest_after(self, device: SimulatedDevice, since_ns: int) -> float:
        move = await device.control.wait_move(f"{device.name}.lock", level=False, since_ns=since_ns, timeout_ms=15_000)
        return (move.at_ns - since_ns) / 1e6

    async def _shut(self, device: SimulatedDevice) -> None:
        """Wait until the leaf or the arm is back where the next person finds it."""
        phase = "closed" if device.name.endswith(("gate", "door")) else "rest"

        async def is_back() -> bool:
            status = await device.status()
            return status is not None and status["points"][device.name]["phase"] == phase

        await self._community.until(is_back, f"{device.name} did not come back to {phase}")

    async def _waiting(self, device: SimulatedDevice) -> None:
        async def has_some() -> bool:
            return await device.status() is not None and not await device.drained()

        await self._community.until(has_some, f"{device.name} has nothing that the cloud did not acknowledge")

    async def _drained(self, device: SimulatedDevice) -> None:
        await self._community.until(device.drained, f"{device.name} has events the cloud did not acknowledge")

    async def _ready(self, device: SimulatedDevice) -> None:
        await self._community.until(device.ready, f"{device.name} did not come back")

    async def _line(self, device: str, kind: str, since_ns: int, *, whole_device: bool = False) -> Seen:
        point = "" if whole_device else device

        def is_it(event: Event) -> bool:
            return bool(event["device"] == device and event["kind"] == kind and event["point"] == point)

        return await self._watcher.wait(is_it, since_ns=since_ns)
