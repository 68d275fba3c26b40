"""``hearthgate-sim chaos``: pull every plug there is, in a town of real processes, and count what is lost."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import structs
from rich.console import Console
from rich.table import Table

from cloud.keys.folder import open_folder
from cloud.redecide.rule import Redecided
from cloud.redecide.service import redecide_all
from cloud.sample import SITE
from firmware_sim.worlds.chaos.audit import Figures, Verdict, audit
from firmware_sim.worlds.chaos.plan import Plan, PlannedVisit, Trouble, make_plan
from firmware_sim.worlds.chaos.town import Tell, Town, cards, places
from firmware_sim.worlds.demo.brokers import BrokerFailed
from firmware_sim.worlds.demo.processes import Died, until_stopped

DRAINS_WITHIN_S = 180.0
PLAN = "plan.json"
PROGRESS_EVERY_S = 1.0
DRAIN_CHECKED_S = 0.1
LAST_CARD_S = 2.0
"""Time for the last card to be decided before its device is ended."""
COMPLAINTS_SHOWN = 20


Planned = TypeVar("Planned", Trouble, PlannedVisit)


def run_chaos(*, minutes: float, devices: int, seed: int, as_json: bool) -> int:
    """The exit code: 0 if nothing can be said against the run, 1 if something can, 2 for what the user can mend."""
    plan = make_plan(seed, minutes, [name for name, *_ in places(devices)], len(cards()))
    folder = Path(tempfile.mkdtemp(prefix="hearthgate-chaos-"))
    console = Console(stderr=as_json, highlight=False)
    keep = True
    try:
        verdict = asyncio.run(until_stopped(_shown(folder, plan, console)))
        if verdict is None:
            raise KeyboardInterrupt
        keep = not verdict.ok
        _show(console, plan, verdict)
        if as_json:
            print(msgspec.json.encode(_figures_of(verdict)).decode(), flush=True)
        return 0 if verdict.ok else 1
    except (BrokerFailed, Died, OSError) as wrong:
        print(f"hearthgate-sim: {wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        keep = False
        print("hearthgate-sim: ended before anything could be judged", file=sys.stderr)
        return 130
    finally:
        if keep:
            console.print(f"everything that was written is kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _figures_of(verdict: Verdict) -> Figures:
    """Without the complaints."""
    return Figures(**{name: getattr(verdict, name) for name in Figures.__struct_fields__})


async def _shown(folder: Path, plan: Plan, console: Console) -> Verdict:
    """Run it with a line that says how far it is, where a person looks."""
    counts = ", ".join(f"{count} × {what}" for what, count in sorted(plan.counts.items()))
    console.print(f"plan {plan.fingerprint} of seed {plan.seed}: {len(plan.visits)} visits; {counts or 'no trouble'}")
    with console.status("starting") as status:
        return await chaos(folder, plan, tell=console.print, progress=status.update)


async def chaos(
    folder: Path,
    plan: Plan,
    *,
    cloud: Sequence[str] = (),
    tell: Tell = lambda line: None,
    progress: Tell = lambda line: None,
) -> Verdict:
    """Live through a plan in an empty folder, then judge it. ``cloud`` is the command of another cloud than the shipped
    one. Raises ``Died`` or ``BoardGone`` if the town does not come up or does not come to rest."""
    (folder / PLAN).write_bytes(msgspec.json.format(msgspec.json.encode(plan)))
    town = Town(folder, len(plan.devices), seed=plan.seed, cloud=cloud)
    try:
        await town.start(tell)
        await _suffer(town, plan, tell, progress)
        progress("the trouble is over; waiting for the backlog")
        drain_s = await _drain(town)
    finally:
        await asyncio.shield(town.stop())
    verdict = await asyncio.to_thread(audit, folder)
    for (device, _), rows in town.broken_promises.items():
        verdict.complaints.append(f"{device}: {rows} rows were acknowledged before they were stored")
        verdict.lost += rows
    verdict.complaints += town.crashes
    await asyncio.to_thread(_decide_again, folder, verdict)
    return _completed(town, plan, verdict, drain_s)


def _decide_again(folder: Path, verdict: Verdict) -> None:
    """The only word of the code under test about itself: it would find no fault that devices and cloud share."""
    with open_folder(folder / "cloud") as (store, _):
        run = redecide_all(store, SITE.name)
    verdict.redecided, verdict.decided_otherwise = (
        run.tally[one, None] for one in (Redecided.SAME, Redecided.DIFFERENT)
    )
    verdict.complaints += [f"{one.device}: said {one.said}, where it is {one.ours}" for one in run.differences]


async def _suffer(town: Town, plan: Plan, tell: Tell, progress: Tell) -> None:
    """Visits and troubles side by side, for as long as the plan says. Then trouble that lasts is cut short."""

    async def befall(trouble: Trouble) -> None:
        tell(str(trouble))
        await town.befall(trouble)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_follow(plan.visits, town.visit), name="visits")
            troubles = group.create_task(_follow(plan.troubles, befall), name="troubles")
            watching = group.create_task(_watch(town, plan, progress), name="progress")
            await asyncio.sleep(plan.minutes * 60)
            troubles.cancel()
            watching.cancel()
    except ExceptionGroup as failures:
        raise _first(failures) from None


async def _follow(planned: Sequence[Planned], act: Callable[[Planned], Coroutine[Any, Any, None]]) -> None:
    """Each at its time, whether or not the one before is over."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with asyncio.TaskGroup() as group:
        for one in planned:
            await asyncio.sleep(max(0.0, began_s + one.at_s - loop.time()))
            group.create_task(act(one))


def _first(failure: Exception) -> Exception:
    """What failed first, out of the groups it is in."""
    return _first(failure.exceptions[0]) if isinstance(failure, ExceptionGroup) else failure


async def _watch(town: Town, plan: Plan, progress: Tell) -> None:
    began_s = time.monotonic()
    while True:
        progress(
            f"{(time.monotonic() - began_s) / 60:.1f} of {plan.minutes:g} minutes, {town.witness.sent} rows sent, "
            f"{town.kills.total()} kills, {town.cuts} cuts"
        )
        await asyncio.sleep(PROGRESS_EVERY_S)


async def _drain(town: Town) -> float:
    """Wait until the cloud has what was written when the trouble ended, and then until it has everything.

    Returns how long the first took, in seconds; too long a wait is for the audit to judge.
    """
    began_s = asyncio.get_running_loop().time()
    deadline_s = began_s + DRAINS_WITHIN_S
    written = town.tips()
    while town.behind(written) and asyncio.get_running_loop().time() < deadline_s:
        await asyncio.sleep(DRAIN_CHECKED_S)
    drain_s = asyncio.get_running_loop().time() - began_s
    await asyncio.sleep(LAST_CARD_S)
    await town.end_in_step(deadline_s)
    return drain_s


def _completed(town: Town, plan: Plan, verdict: Verdict, drain_s: float) -> Verdict:
    """With what no file tells."""
    witness, killed = town.witness, town.kills
    return structs.replace(
        verdict,
        resent_percent=round(100 * witness.resent / max(1, witness.sent - witness.resent), 1),
        kills=killed.total(),
        cuts=town.cuts,
        drain_s=round(drain_s, 1),
        commands=len(witness.commands),
        at_acks=town.at_acks,
        killed=dict(killed),
        crashes=len(town.crashes),
        minutes=plan.minutes,
        devices=len(plan.devices),
        seed=plan.seed,
        plan=plan.fingerprint,
        ok=verdict.clean,
    )


SHOWN = (
    ("events on the devices", "events"),
    ("lost", "lost"),
    ("doubled", "doubled"),
    ("in the cloud, but on no device", "invented"),
    ("sent again, percent", "resent_percent"),
    ("seconds until the backlog was in the cloud", "drain_s"),
    ("cards read", "badges"),
    ("cards that nobody decided", "undecided"),
    ("decisions that the cloud decides the same again", "redecided"),
    ("… and otherwise", "decided_otherwise"),
    ("times a lock left its rest", "moves"),
    ("… in an emergency", "in_emergency"),
    ("… by the exit button, while no agent lived", "out_alone"),
    ("… the agent killed before the row was written", "unwritten"),
    ("… and nothing says why", "unrecorded_moves"),
    ("free passages that went ahead of their row", "late"),
    ("commands sent, each of them twice", "commands"),
    ("… carried out", "commands_done"),
    ("… carried out twice", "commands_twice"),
    ("processes killed", "kills"),
    ("… the cloud as an acknowledgement appeared", "at_acks"),
    ("processes that ended by themselves", "crashes"),
    ("cables cut", "cuts"),
)


def _show(console: Console, plan: Plan, verdict: Verdict) -> None:
    table = Table(title=f"{plan.minutes:g} minutes, {len(plan.devices)} devices, seed {plan.seed}", show_header=False)
    table.add_column("what")
    table.add_column("how many", justify="right")
    for words, name in SHOWN:
        table.add_row(words, f"{getattr(verdict, name):,}")
    console.print(table)
    for complaint in verdict.complaints[:COMPLAINTS_SHOWN]:
        console.print(f"[red]{complaint}", soft_wrap=True)
    console.print("nothing can be said against it" if verdict.ok else "[red]not as it should be")
