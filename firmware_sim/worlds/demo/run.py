"""``hearthgate-sim demo``: the community on one machine, to be played with or to tell its own story."""

import asyncio
import json
import sys
import webbrowser
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from firmware_sim.panel.app import create_panel
from firmware_sim.worlds.demo.brokers import BrokerFailed, listening_from
from firmware_sim.worlds.demo.community import FULL_MS, Community, NotOurs, state_folder
from firmware_sim.worlds.demo.operator import Operator
from firmware_sim.worlds.demo.processes import Died, until_stopped
from firmware_sim.worlds.demo.steps import Step
from firmware_sim.worlds.demo.story import Story


def run_demo(
    *,
    state: Path,
    port: int,
    panel_port: int,
    self_check: bool,
    as_json: bool,
    password: str = "",
    opens_browser: bool = False,
) -> int:
    """The exit code: 0 if all went well, 1 if a step of the self-check failed, 2 for what the user can mend. Without a
    password one is made."""
    try:
        with state_folder(state) as folder:
            community = Community(folder, port=port, people=not self_check, password=password)
            if self_check:
                return asyncio.run(_living(community, _self_check(community, as_json)))
            return asyncio.run(_living(community, _play(community, port, panel_port, opens_browser=opens_browser)))
    except (NotOurs, BrokerFailed, Died, OSError) as wrong:
        print(f"hearthgate-sim: {wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


async def _living(community: Community, act: Coroutine[Any, Any, int]) -> int:
    """Act in the community until told to stop, and put it to bed whatever happens."""
    try:
        code = await until_stopped(act)
        if code is None:
            print("ending ...", flush=True)
        return code or 0
    finally:
        await community.stop()


async def _self_check(community: Community, as_json: bool) -> int:
    await community.start()
    operator = Operator(community.url, "admin", community.password)
    await operator.open()
    steps: list[Step] = []
    try:
        async for step in Story(community, operator).tell():
            steps.append(step)
            print(f"{'ok  ' if step.ok else 'FAIL'} {step.ms:9.1f} ms  {step.name}: {step.detail}", flush=True)
    finally:
        await operator.close()
    ok = all(step.ok for step in steps)
    if as_json:
        print(json.dumps({"ok": ok, "steps": msgspec.to_builtins(steps)}), flush=True)
    return 0 if ok else 1


async def _play(community: Community, port: int, panel_port: int, *, opens_browser: bool) -> int:
    """Serve the panel until told to end."""
    print(f"starting in {community.state} ...", flush=True)
    await community.start()
    listening = listening_from(panel_port)
    panel = create_panel(community.devices, community.cards, community.visitors.texts())
    config = uvicorn.Config(panel, log_level="warning", timeout_graceful_shutdown=1)
    server = _Panel(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="panel")
    _introduce(community, port, panel_port, listening.getsockname()[1])
    if opens_browser:
        await asyncio.to_thread(webbrowser.open, f"{community.url}/")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        panel.state.end_streams()
        server.should_exit = True
        await serving
        raise
    return 0


class _Panel(uvicorn.Server):
    """The demo itself takes the signals and ends its panel."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _introduce(community: Community, port: int, panel_port: int, free_panel_port: int) -> None:
    for wanted, given in ((port, community.port), (panel_port, free_panel_port)):
        if wanted != given:
            print(f"port {wanted} is busy, so it is {given} instead")
    print(
        f"""
  console   {community.url}/          operator admin, password {community.password}
  panel     http://127.0.0.1:{free_panel_port}/          the simulated hardware: cards, doors, plugs, cables, fire
  broker    {community.broker.kind if community.broker else ""}, devices {", ".join(community.devices)}

Things to try:
  1. On the panel, tap the yearly member's card at the gym turnstile and see the line on the console.
  2. Pull the network cable of the east gate and tap again: the door opens. Put it back: the line arrives.
  3. Untick "Walk through after tapping", tap at the west gate and pull the plug of its agent while the lock is
     open: it locks by itself.
  4. At the riders' hub, plug an e-bike in, hold the rider's card to its socket and see it charge on the console, under
     Charging. Pull the plug of the agent: every socket is dead at once; with the agent back, the same session goes on.
  5. At the east gate, choose the resident's phone for the scanner and press Scan; or the guest's spoken code, and
     press Key it in. The guest's code is {community.visitors.guest.code}.
  6. Give a socket a bad contact, or blow smoke into the hub's detector: then only staff, or the key, brings it back.

At the hub a battery is full after {FULL_MS / 1000:.0f} s of little power, not 20 minutes: a setting of its config.
Invented people walk and charge by themselves now and then. Every start begins anew in {community.state}.

Ctrl-C ends everything.""",
        flush=True,
    )
