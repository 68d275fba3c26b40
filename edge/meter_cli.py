"""``hearthgate-edge meter``: what an installer does with the instruments of a bus, while the agent is stopped."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from edge.cli_options import DEFAULT_CONFIG, CommandGroup, ConfigOption, JsonOption, KindsOption
from edge.config.device_config import DeviceConfig, load
from edge.config.peripherals import Bus, Instrument
from edge.config.tables import Point
from edge.config.wiring import Wirings
from edge.device.doctor import agent_status
from edge.machine.mendable import fail
from service.tables import print_tables, table

if TYPE_CHECKING:  # what speaks Modbus is loaded by the commands that do
    from edge.instruments.load_judging import LoadFinding
    from edge.instruments.modbus_line import ModbusLine
    from edge.instruments.models import Values

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    help="Look after the meters and thermometers of a bus; stop the agent first.",
)

BusOption = Annotated[str | None, typer.Option("--bus", help="Which bus. [default: the only one]")]
T = TypeVar("T")


@app.command("read")
def read_all(
    config: ConfigOption = DEFAULT_CONFIG,
    _kinds: KindsOption = None,
    bus: BusOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every instrument once, a line each. Exit 1 if one does not answer, or says what cannot be."""
    from edge.instruments.commissioning import look_at_all
    from edge.instruments.polling import units

    device = _stopped(config)
    rows = [
        row
        for chosen in _buses(device, bus)
        for row in _on_line(device, chosen, partial(look_at_all, devices=units(chosen.name, device.points)))
    ]
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        print_tables(
            table(
                ("instrument", "model", "address", "says"),
                (
                    (row["instrument"], row["model"], str(row["address"]), row["why"] or _in_words(row["values"]))
                    for row in rows
                ),
            )
        )
    raise typer.Exit(any(row["why"] for row in rows))


@app.command()
def address(
    number: Annotated[int, typer.Argument(help="The address that the meter gets: 1 to 247.")],
    config: ConfigOption = DEFAULT_CONFIG,
    _kinds: KindsOption = None,
    bus: BusOption = None,
    present: Annotated[
        int | None, typer.Option("--from", help="Its address now, where others share the line. [default: it is alone]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a new PZEM-004T its address, and read it back. All new ones share one: connect them one after another."""
    from edge.instruments.commissioning import give_address
    from edge.instruments.modbus import GENERAL_ADDRESS

    device = _stopped(config)
    chosen = _one_bus(device, bus)
    former = _on_line(device, chosen, partial(give_address, address=number, present=present or GENERAL_ADDRESS))
    if as_json:
        typer.echo(json.dumps({"bus": chosen.name, "address": number, "former": former}))
    elif former == number:
        typer.echo(f"the meter has the address {number} already")
    else:
        typer.echo(f"the meter that was {former} is now {number}, and answers as that")


@app.command()
def reset(
    point: Annotated[str, typer.Argument(help="The point whose meter begins at zero again.")],
    config: ConfigOption = DEFAULT_CONFIG,
    _kinds: KindsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the energy counter of a point's PZEM-004T to zero, and read it back."""
    from edge.instruments.commissioning import reset_energy

    device = _stopped(config)
    meter = _pzem(device, point)
    before_wh, after_wh = _on_line(device, _one_bus(device, meter.bus), partial(reset_energy, meter=meter))
    if after_wh >= 1:
        fail(f"{point}: the counter stands at {after_wh:g} Wh still; the meter did not take the order")
    if as_json:
        typer.echo(json.dumps({"point": point, "before_wh": before_wh, "after_wh": after_wh}))
    else:
        typer.echo(f"{point}: {before_wh:g} Wh before, {after_wh:g} Wh now")


@app.command("load-test")
def load_test(
    points: Annotated[
        list[str] | None, typer.Argument(help="Only these points. [default: all with instruments]")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    _kinds: KindsOption = None,
    watts: Annotated[float, typer.Option(min=1.0, help="What the load takes at least.")] = 5.0,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Ask for the load; switch nothing.")] = False,
    loads_in: Annotated[
        bool, typer.Option("--loads-in", help="A load is in every socket already; ask nothing.")
    ] = False,
    warm: Annotated[bool, typer.Option("--warm", help="Then have each thermistor held in a hand.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put one socket after another under load, and name the meters and thermistors that stand for another's.

    With the keeper running, it switches the sockets' relays, and asks for the load to be plugged in. Crossed relays are
    found only by one load that moves from socket to socket. Exit 1 if anything is crossed or was not seen.
    """
    from edge.instruments.load_judging import crossed_with

    device = _stopped(config)
    tested = _chosen(device, points or [])
    if by_hand and loads_in:
        fail("--by-hand and --loads-in exclude each other: by hand, one load moves from socket to socket")
    findings = _run(_test(device, tested, watts, by_hand=by_hand, loads_in=loads_in, warm=warm))
    pairs = crossed_with(findings)
    if as_json:
        rows = [{**msgspec.to_builtins(finding), "good": finding.good} for finding in findings]
        typer.echo(json.dumps({"found": rows, "exchange": pairs}))
    else:
        print_tables(
            table(
                ("instrument", "verdict", "moved instead"),
                ((finding.instrument, finding.verdict, ", ".join(finding.instead)) for finding in findings),
            )
        )
        for own, other in pairs:
            typer.echo(f"{own} and {other} stand in each other's place: exchange their addresses in the config")
    raise typer.Exit(not all(finding.good for finding in findings))


async def _test(
    device: DeviceConfig, tested: Sequence[Point], watts: float, *, by_hand: bool, loads_in: bool, warm: bool
) -> "list[LoadFinding]":
    from edge.config.places import socket_path
    from edge.instruments.commissioning import open_lines
    from edge.instruments.load_test import ByHand, by_keeper, try_meters, try_thermometers
    from edge.instruments.polling import units

    with open_lines(device, device.buses) as lines:
        watched = [(line, units(bus.name, device.points)) for bus, line in lines]
        if by_hand:
            hands = ByHand(_ask, "Plug the load into {point}, and have it run.", "Take the load out of {point}.")
            findings = await try_meters(tested, watched, hands, watts)
        else:
            banks = {name: getattr(settings, "bank", "") for name, settings in device.settings.items()}
            plug_in: Callable[[Point], object] = (
                (lambda point: None) if loads_in else lambda point: _ask(f"Plug the load into {point.name}.")
            )
            async with by_keeper(socket_path(device.run), banks, plug_in) as switch:
                findings = await try_meters(tested, watched, switch, watts)
        if warm:
            findings += await try_thermometers(tested, watched, ByHand(_ask, "Hold the thermistor of {point}.", ""))
        return findings


def _on_line(device: DeviceConfig, bus: Bus, act: "Callable[[ModbusLine], Coroutine[Any, Any, T]]") -> T:
    """Do something on a bus, and let go of it."""
    from edge.instruments.commissioning import open_lines

    async def acting() -> T:
        with open_lines(device, [bus]) as [(_, line)]:
            return await act(line)

    return _run(acting())


def _run(act: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(act)
    except KeyboardInterrupt:
        fail("stopped; everything is at rest")


def _stopped(config: Path) -> DeviceConfig:
    """The configuration in force, of a device whose agent is stopped: two masters would talk across each other."""
    device = Wirings(load(config)).in_force().config
    if not device.buses:
        fail(f"{device.path}: there is no [[bus]] in it")
    if agent_status(device.run) is not None:
        fail("the agent is running and has the bus; stop it first: systemctl stop hearthgate-agent")
    return device


def _buses(device: DeviceConfig, name: str | None) -> list[Bus]:
    buses = [bus for bus in device.buses if name in (None, bus.name)]
    if not buses:
        fail(f"no bus is named {name!r}; there are: {', '.join(bus.name for bus in device.buses)}")
    return buses


def _one_bus(device: DeviceConfig, name: str | None) -> Bus:
    buses = _buses(device, name)
    if len(buses) > 1:
        fail(f"say which bus: --bus {' or '.join(bus.name for bus in buses)}")
    return buses[0]


def _chosen(device: DeviceConfig, names: Sequence[str]) -> list[Point]:
    fitted = {point.name: point for point in device.points if point.instruments}
    unknown = [name for name in names if name not in fitted]
    if unknown:
        fail(f"no point with instruments is named {', '.join(unknown)}; there are: {', '.join(fitted)}")
    return [point for name, point in fitted.items() if not names or name in names]


def _pzem(device: DeviceConfig, name: str) -> Instrument:
    (point,) = _chosen(device, [name])
    meters = [instrument for instrument in point.instruments.values() if instrument.model == "pzem004t"]
    if not meters:
        fail(f"{name} has no pzem004t; other models are not reset over the bus")
    return meters[0]


def _ask(text: str) -> None:
    typer.prompt(f"{text} Then press Enter", default="", show_default=False, err=True)


def _in_words(values: "Values") -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
