"""``hearthgate-edge meter``: what an installer does with the instruments of a bus, while the agent is stopped."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from edge.cli_options import DEFAULT_CONFIG, ConfigOption, JsonOption, KindsOption, columns, show
from edge.config.device_config import DeviceConfig, load
from edge.config.kinds import add_kinds
from edge.config.peripherals import Bus, Instrument
from edge.config.tables import Point
from edge.config.wiring import Wirings
from edge.device.doctor import agent_status
from edge.device.start import fail, mendable

if TYPE_CHECKING:  # what speaks Modbus is loaded by the commands that do
    from edge.instruments.load_judging import Found
    from edge.instruments.modbus_line import ModbusLine
    from edge.instruments.models import Values

app = typer.Typer(no_args_is_help=True, help="Look after the meters and thermometers of a bus; stop the agent first.")

BusOption = Annotated[str | None, typer.Option("--bus", help="Which bus. [default: the only one]")]
TRIES = 3
T = TypeVar("T")


class Unusable(Exception):
    """A line or an instrument on it. The text says which, and why."""


@app.command("read")
def read_all(
    config: ConfigOption = DEFAULT_CONFIG, kinds: KindsOption = None, bus: BusOption = None, as_json: JsonOption = False
) -> None:
    """Read every instrument once, a line each. Exit 1 if one does not answer, or says what cannot be."""
    device = _stopped(config, kinds)
    found = [row for one in _buses(device, bus) for row in _on_line(device, one, partial(_look, device, one))]
    if as_json:
        typer.echo(json.dumps(found))
    else:
        shown = columns("instrument", "model", "address", "says")
        for row in found:
            shown.add_row(row["instrument"], row["model"], str(row["address"]), row["why"] or _spoken(row["values"]))
        show(shown)
    if any(row["why"] for row in found):
        raise typer.Exit(1)


@app.command()
def address(
    number: Annotated[int, typer.Argument(help="The address that the meter gets: 1 to 247.")],
    config: ConfigOption = DEFAULT_CONFIG,
    kinds: KindsOption = None,
    bus: BusOption = None,
    present: Annotated[
        int | None, typer.Option("--from", help="Its address now, where others share the line. [default: it is alone]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a new PZEM-004T its address, and read it back. All new ones share one: connect them one after another."""
    from edge.instruments.addressing import NotGiven, give_address
    from edge.instruments.modbus import GENERAL_ADDRESS

    device = _stopped(config, kinds)
    chosen = _one_bus(device, bus)
    with mendable(NotGiven):
        former = _on_line(device, chosen, lambda line: give_address(line, number, present or GENERAL_ADDRESS))
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
    kinds: KindsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the energy counter of a point's PZEM-004T to zero, and read it back."""
    device = _stopped(config, kinds)
    meter = _pzem(device, point)
    chosen = _one_bus(device, meter.bus)
    before_wh, after_wh = _on_line(device, chosen, lambda line: _reset(line, meter))
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
    kinds: KindsOption = None,
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
    from edge.instruments.load_test import NotSwitched

    device = _stopped(config, kinds)
    tried = _chosen(device, points or [])
    if by_hand and loads_in:
        fail("--by-hand and --loads-in exclude each other: by hand, one load moves from socket to socket")
    with mendable(NotSwitched):
        found = _run(_test(device, tried, watts, by_hand=by_hand, loads_in=loads_in, warm=warm))
    pairs = crossed_with(found)
    if as_json:
        rows = [{**msgspec.to_builtins(one), "good": one.good} for one in found]
        typer.echo(json.dumps({"found": rows, "exchange": pairs}))
    else:
        shown = columns("instrument", "verdict", "moved instead")
        for one in found:
            shown.add_row(one.instrument, one.verdict, ", ".join(one.instead))
        show(shown)
        for own, other in pairs:
            typer.echo(f"{own} and {other} stand in each other's place: exchange their addresses in the config")
    if not all(one.good for one in found):
        raise typer.Exit(1)


async def _test(
    device: DeviceConfig, tried: Sequence[Point], watts: float, *, by_hand: bool, loads_in: bool, warm: bool
) -> "list[Found]":
    from edge.config.places import socket_path
    from edge.instruments.load_test import ByHand, Watch, by_keeper, try_meters, try_thermometers
    from edge.instruments.modbus_line import ModbusLine, timing_of
    from edge.instruments.polling import units

    loop = asyncio.get_running_loop()
    with _ports(device, device.buses) as ports:
        lines = [(ModbusLine(port, timing_of(bus), loop), units(bus.name, device.points)) for bus, port in ports]
        watch = Watch(lines)
        if by_hand:
            hands = ByHand(_ask, "Plug the load into {point}, and have it run.", "Take the load out of {point}.")
            found = await try_meters(tried, watch, hands, watts)
        else:
            banks = {name: bank for name, one in device.settings.items() if (bank := getattr(one, "bank", ""))}
            prepare: Callable[[Point], object] = (
                (lambda point: None) if loads_in else lambda point: _ask(f"Plug the load into {point.name}.")
            )
            async with by_keeper(socket_path(device.run), banks, prepare) as switch:
                found = await try_meters(tried, watch, switch, watts)
        if warm:
            found += await try_thermometers(tried, watch, ByHand(_ask, "Hold the thermistor of {point}.", ""))
        return found


async def _look(device: DeviceConfig, bus: Bus, line: "ModbusLine") -> list[dict[str, Any]]:
    """What ``read`` says of each instrument of a bus."""
    from edge.instruments.polling import units

    rows = []
    for unit in units(bus.name, device.points):
        for _ in range(TRIES):
            said = await unit.look(line)
            if not unit.missed:
                break
        for tap, values in said.items():
            row = {"instrument": str(tap), "model": unit.model_name, "address": unit.address, "channel": tap.channel}
            rows.append({**row, "values": values, "why": unit.faults.get(tap, "")})
    return rows


async def _reset(line: "ModbusLine", meter: Instrument) -> tuple[float, float]:
    """The counter before and after."""
    from edge.instruments.modbus import ResetEnergy

    before = await _energy_wh(line, meter)
    await line.ask(ResetEnergy(meter.address))
    return before, await _energy_wh(line, meter)


async def _energy_wh(line: "ModbusLine", meter: Instrument) -> float:
    from edge.instruments.polling import Tap, Unit

    tap = Tap("", "meter", None)
    unit = Unit(meter.model, meter.address, [tap])
    for _ in range(TRIES):
        values = (await unit.look(line))[tap]
        if values is not None:
            return values["energy_wh"]
    raise Unusable(f"the meter at address {meter.address} cannot be read: {unit.faults[tap]}")


def _on_line(device: DeviceConfig, bus: Bus, act: "Callable[[ModbusLine], Coroutine[Any, Any, T]]") -> T:
    """Do something on a bus, and let go of it."""
    from edge.instruments.modbus_line import ModbusLine, timing_of

    async def acting() -> T:
        with _ports(device, [bus]) as [(_, port)]:
            return await act(ModbusLine(port, timing_of(bus), asyncio.get_running_loop()))

    return _run(acting())


@contextmanager
def _ports(device: DeviceConfig, buses: Sequence[Bus]) -> "Iterator[list[tuple[Bus, Any]]]":
    """The lines of the buses, all of them there."""
    from edge.instruments.serial_line import SerialLine

    loop = asyncio.get_running_loop()
    ports = [(bus, SerialLine(device.path.parent / bus.device, bus.baud, loop)) for bus in buses]
    try:
        for bus, port in ports:
            if port.why_down:
                raise Unusable(f"bus {bus.name}: {device.path.parent / bus.device}: {port.why_down}")
        yield ports
    finally:
        for _, port in ports:
            port.close()


def _run(act: Coroutine[Any, Any, T]) -> T:
    """To the end, or to what the user can mend."""
    try:
        with mendable(Unusable):
            return asyncio.run(act)
    except KeyboardInterrupt:
        fail("stopped; everything is at rest")


def _stopped(config: Path, kinds: list[Path] | None) -> DeviceConfig:
    """The configuration in force, of a device whose agent is stopped: two masters would talk across each other."""
    with mendable():
        add_kinds(kinds or [])
        device = Wirings(load(config)).in_force().config
    if not device.buses:
        fail(f"{device.path}: there is no [[bus]] in it")
    if agent_status(device.run) is not None:
        fail("the agent is running and has the bus; stop it first: systemctl stop hearthgate-agent")
    return device


def _buses(device: DeviceConfig, name: str | None) -> list[Bus]:
    found = [bus for bus in device.buses if name in (None, bus.name)]
    if not found:
        fail(f"no bus is named {name!r}; there are: {', '.join(bus.name for bus in device.buses)}")
    return found


def _one_bus(device: DeviceConfig, name: str | None) -> Bus:
    found = _buses(device, name)
    if len(found) > 1:
        fail(f"say which bus: --bus {' or '.join(bus.name for bus in found)}")
    return found[0]


def _chosen(device: DeviceConfig, names: Sequence[str]) -> list[Point]:
    fitted = {point.name: point for point in device.points if point.instruments}
    unknown = [name for name in names if name not in fitted]
    if unknown:
        fail(f"no point with instruments is named {', '.join(unknown)}; there are: {', '.join(fitted)}")
    return [point for name, point in fitted.items() if not names or name in names]


def _pzem(device: DeviceConfig, name: str) -> Instrument:
    (point,) = _chosen(device, [name])
    found = [one for one in point.instruments.values() if one.model == "pzem004t"]
    if not found:
        fail(f"{name} has no pzem004t; other models are not reset over the bus")
    return found[0]


def _ask(text: str) -> None:
    typer.prompt(f"{text} Then press Enter", default="", show_default=False, err=True)


def _spoken(values: "Values") -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
