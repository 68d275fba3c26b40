"""``hearthgate-sim``: the simulated world. A demo of everything, one board by itself, a card tapped from a shell."""

import asyncio
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict
from typer.core import TyperGroup

from edge.config.device_config import load
from edge.config.kinds import add_kinds
from edge.machine.files import socket_complaint
from edge.machine.mendable import fail, mendable
from firmware_sim import parts
from firmware_sim.control.commands import Tapped
from firmware_sim.control.control import BoardControl
from firmware_sim.parts.hardware import ControlError
from firmware_sim.parts.scanning import Scan
from firmware_sim.time.clock import run_real
from service.loading import loading
from service.version import version_of

PROGRAM = "hearthgate-sim"


class CommandGroup(TyperGroup):
    """The commands of this program: what the user can mend ends any of them with one line."""

    invoke = mendable(ControlError, program=PROGRAM)(TyperGroup.invoke)


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A simulated world: boards, doors and people.",
)


def _find_kinds(folders: list[Path] | None) -> list[Path]:
    add_kinds(folders or [], parts)
    return folders or []


KindsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--kinds",
        callback=_find_kinds,
        help="A folder of further kinds of station, in its kinds, stations and parts.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Kernel(StrEnum):
    """Of a process that died, `strict` lets the pins fall back and `raspberrypi` keeps them driven."""

    strict = "strict"
    raspberrypi = "raspberrypi"


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=version_of(PROGRAM), is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """What may stand before every command."""


def main() -> None:
    """The entry point of the script."""
    app(prog_name=PROGRAM)


@app.command()
def demo(
    self_check: Annotated[
        bool, typer.Option("--self-check", help="Tell the story without a person; exit 1 if it fails.")
    ] = False,
    as_json: JsonOption = False,
    state: Annotated[Path, typer.Option(help="Where the demo keeps its files.")] = Path(".demo"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the console.")] = 8400,
    panel_port: Annotated[int, typer.Option(min=1, max=65535, help="Of the panel with the simulated hardware.")] = 8401,
    password: Annotated[str, typer.Option(help="Of the operator admin. [default: a new one at every start]")] = "",
    opens_browser: Annotated[bool, typer.Option("--open", help="Open the console in a browser.")] = False,
) -> None:
    """Run a whole community on this machine: broker, cloud, five devices, their hardware and some people."""
    from cloud.web.auth import MAX_PASSWORD, MIN_PASSWORD
    from firmware_sim.worlds.demo.run import run_demo

    if password and not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        fail(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters", PROGRAM)
    code = run_demo(
        state=state,
        port=port,
        panel_port=panel_port,
        self_check=self_check,
        as_json=as_json,
        password=password,
        opens_browser=opens_browser,
    )
    raise typer.Exit(code)


@app.command()
def new(
    sample: Annotated[str, typer.Argument(help="What kind: door, turnstile, socket, hub or ev-post.")],
    folder: Annotated[Path, typer.Argument(help="A new folder; the device bears its name.")],
    site: Annotated[str, typer.Option(help="The estate's name, as hearthgate-cloud init was given it.")],
    zone: Annotated[str, typer.Option(help="Where its points stand. [default: as in the sample]")] = "",
    broker: Annotated[str, typer.Option(help="mqtt://127.0.0.1:1883 or mqtts://HOST:8883")] = "mqtt://127.0.0.1:1883",
    as_json: JsonOption = False,
) -> None:
    """Write the configuration file of a simulated device, to be run with `hearthgate-sim device`."""
    from firmware_sim.worlds.demo.samples import kinds
    from firmware_sim.worlds.lone_device import write_device

    if sample not in kinds():
        fail(f"there is no sample {sample}; there is {', '.join(kinds())}", PROGRAM)
    path = write_device(folder, sample, site=site, zone=zone, broker=broker)
    said = f"wrote {path}; run it with: hearthgate-sim device {path}"
    typer.echo(json.dumps({"file": str(path)}) if as_json else said)


@app.command()
def device(
    config: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, metavar="FILE", help="Its TOML file, as `hearthgate-sim new` writes one."
        ),
    ],
    cloud: Annotated[
        Path | None,
        typer.Option(help="Register it first with the cloud of this folder, made by hearthgate-cloud init."),
    ] = None,
    people: Annotated[bool, typer.Option("--people", help="Let neighbours come and go.")] = False,
    kinds: KindsOption = None,
) -> None:
    """Run one simulated device, board, keeper and agent, beside a real cloud, until Ctrl-C."""
    from firmware_sim.worlds.lone_device import run_device

    run_device(config, cloud, people=people, kinds=kinds or [])


@app.command()
def panel(
    devices: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=FOLDER...", help="Each device, with the folder of its two sockets or of its device.toml."
        ),
    ],
    host: Annotated[str, typer.Option(help="Whoever reaches it holds every card.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the panel.")] = 8401,
    kinds: KindsOption = None,
) -> None:
    """Serve the panel for boards that run already: `control.sock` and `agent.sock` of a device lie in its folder, or
    the folder is that of a `hearthgate-sim device`."""
    from firmware_sim.panel.boards import serve_panel
    from firmware_sim.worlds.demo.community import LABELS, sample_cards

    runs = {}
    for device_folder in devices:
        name, equals, folder = device_folder.partition("=")
        if not (name and equals and folder):
            fail(f"{device_folder!r} is not NAME=FOLDER, such as gym-turnstile=/run/hearthgate", PROGRAM)
        runs[name] = Path(folder)
    serve_panel(runs, LABELS, sample_cards(), host, port)


@app.command()
def board(
    config: Annotated[Path, typer.Option("--config", "-c", help="The device's TOML file: what is wired to the board.")],
    socket: Annotated[Path, typer.Option(help="Where a keeper finds the pins.")],
    control: Annotated[Path, typer.Option(help="Where orders are taken: cards, hands, fire.")],
    log: Annotated[Path | None, typer.Option(help="Write every move of a pin to this file.")] = None,
    seed: Annotated[int, typer.Option(help="Of all chance on this board.")] = 1,
    kernel: Annotated[Kernel, typer.Option(help="How the pins of a dead process behave.")] = Kernel.strict,
    people: Annotated[bool, typer.Option("--people", help="Let neighbours come and go.")] = False,
    kinds: KindsOption = None,
) -> None:
    """Run one simulated board with everything its config names, until it is told to stop.

    A keeper takes its pins with GPIOZERO_PIN_FACTORY=hearthgate_sim and HEARTHGATE_SIM_BOARD set to the socket.
    """
    with loading():
        from firmware_sim.worlds.board.process import run_board

    run_real(
        run_board(
            load(config),
            socket=socket,
            control=control,
            log=log,
            seed=seed,
            strict_gpiod=kernel is Kernel.strict,
            people=people,
        )
    )


@app.command()
def tap(
    reader: Annotated[str, typer.Argument(help="Point and side, such as gym-turnstile.in.")],
    card: Annotated[str, typer.Argument(help="H10301:21:15890, UID4:305419896, or the bits.")],
    control: Annotated[Path, typer.Option(help="The board's control socket.")],
    keys: Annotated[str | None, typer.Option(help="Keyed before the card: the number of a point.")] = None,
    pin: Annotated[str | None, typer.Option(help="Keyed after the card, and then #.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a card to a reader of a running board."""

    async def at_the_reader() -> Tapped:
        async with BoardControl(control) as board:
            return await board.tap(reader, card, keys, pin)

    if wrong := socket_complaint(control, "name a shorter one with --control"):
        fail(wrong, PROGRAM)
    tapped = asyncio.run(at_the_reader())
    typer.echo(json.dumps(asdict(tapped)) if as_json else f"{reader} read the card")


@app.command()
def scan(
    scanner: Annotated[str, typer.Argument(help="Point and side, such as east-gate.in.")],
    text: Annotated[str, typer.Argument(help="A pass, a printed code or a number plate.")],
    control: Annotated[Path, typer.Option(help="The board's control socket.")],
    as_json: JsonOption = False,
) -> None:
    """Hold a text before a scanner of a running board."""

    async def at_the_scanner() -> None:
        async with BoardControl(control) as board:
            await board.ask(Scan(scanner, text))

    if wrong := socket_complaint(control, "name a shorter one with --control"):
        fail(wrong, PROGRAM)
    asyncio.run(at_the_scanner())
    typer.echo(json.dumps({"scanner": scanner, "text": text}) if as_json else f"{scanner} read the text")


@app.command()
def post_proxy(
    central: Annotated[str, typer.Argument(metavar="URL", help="Where posts connect, such as ws://127.0.0.1:8887.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where this proxy listens, on 127.0.0.1.")] = 8888,
    seed: Annotated[int, typer.Option(help="The same seed does the same to the same readings.")] = 1,
    drop: Annotated[float, typer.Option(min=0, max=1, help="How likely a reading is lost.")] = 0.2,
    hold: Annotated[float, typer.Option(min=0, max=1, help="How likely it is told later, in a queue.")] = 0.3,
    repeat: Annotated[float, typer.Option(min=0, max=1, help="How likely it is told twice.")] = 0.2,
    scale: Annotated[float, typer.Option(min=0.1, max=10, help="Of power and energy; 1.1 is 253 V.")] = 1.0,
) -> None:
    """Carry charging posts of OCPP to their central system and mistreat their meter readings, until Ctrl-C."""
    from firmware_sim.network.post_proxy import ReadingFaults, run_proxy

    try:
        asyncio.run(run_proxy(central, port, seed=seed, faults=ReadingFaults(drop, hold, repeat, scale)))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except OSError as wrong:
        fail(f"127.0.0.1:{port}: {wrong.strerror or wrong}", PROGRAM)


@app.command()
def chaos(
    minutes: Annotated[float, typer.Option(min=0.1, max=60.0, help="How long plugs are pulled.")] = 5.0,
    devices: Annotated[int, typer.Option(min=1, max=32, help="Each is three processes.")] = 8,
    seed: Annotated[int, typer.Option(help="The same seed makes the same plan.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Kill processes, cut and slow cables in a town of real ones; then audit what came of it. Exit 1 if anything did.

    With --json the last line is one object of figures.
    """
    from firmware_sim.worlds.chaos.run import run_chaos

    raise typer.Exit(run_chaos(minutes=minutes, devices=devices, seed=seed, as_json=as_json))


if __name__ == "__main__":
    main()
