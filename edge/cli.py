"""``hearthgate-edge``: the commands a device runs by, and the ones an installer types."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from contract.codec import Malformed
from contract.credentials import FORMATS, Reading, key_pressed, read
from contract.events import Event, decode_event
from contract.recorded_facts import spelled_out
from contract.templates import BadKey, Expansion
from contract.toml_text import NotToml, read_toml
from contract.toml_writer import write_toml
from edge.cli_options import (
    DEFAULT_CONFIG,
    CommandGroup,
    ConfigOption,
    JsonOption,
    KindsOption,
    VersionOption,
)
from edge.config.device_config import load
from edge.config.wiring import Wirings
from edge.device import start
from edge.device.doctor import agent_status, examine
from edge.device.status_words import POINT_COLUMNS, moment, point_rows, rows
from edge.identity.identity import Identity
from edge.journal.journal import JournalView
from edge.machine.files import FileLock
from edge.machine.mendable import fail, mendable
from edge.meter_cli import app as meter_app
from service.tables import print_tables, table

app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run and look after one device.",
)
journal_app = typer.Typer(no_args_is_help=True, help="Look into the device's journal.")
ocpp_app = typer.Typer(no_args_is_help=True, help="The charging posts that connect to this device.")
config_app = typer.Typer(no_args_is_help=True, help="The wiring that the device goes by.")
app.add_typer(journal_app, name="journal")
app.add_typer(config_app, name="config")
app.add_typer(ocpp_app, name="ocpp")
app.add_typer(meter_app, name="meter")


@app.callback()
def options(_version: VersionOption = False) -> None:
    """What may stand before every command."""


@app.command()
def run(config: ConfigOption = DEFAULT_CONFIG, _kinds: KindsOption = None) -> None:
    """Run the agent: decide at this device's points, and sync with the cloud."""
    start.agent(config)


@app.command()
def keeper(
    config: ConfigOption = DEFAULT_CONFIG,
    _kinds: KindsOption = None,
    park_only: Annotated[bool, typer.Option("--park", help="Put the pins to rest and end.")] = False,
) -> None:
    """Run the keeper: own the pins, hold the leases, act on the emergency inputs."""
    start.keeper(config, park_only=park_only)


@app.command()
def key(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Print the public half of this device's key as hex, making the key at first use: what the cloud registers."""
    public_key = Identity(load(config).keys).public_key
    typer.echo(json.dumps({"public_key": public_key}) if as_json else public_key)


@app.command()
def adopt(
    url: Annotated[str, typer.Argument(help="The console's address: https://HOST:PORT")],
    authority: Annotated[str, typer.Option("--ca", help="Fingerprint of the community's authority, as shown there.")],
    config: ConfigOption = DEFAULT_CONFIG,
    keys: Annotated[Path | None, typer.Option(help="The folder of keys. [default: as the config says]")] = None,
    label: Annotated[Path | None, typer.Option(help="Write the code as a label to print: an SVG file.")] = None,
    wait_min: Annotated[int, typer.Option(min=0, max=24 * 60, help="How long to wait for the operator.")] = 60,
    again: Annotated[bool, typer.Option("--again", help="Though its certificate lasts: it is revoked.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the cloud to take this device in: shows a code, and waits until an operator has confirmed it.

    May be stopped and run again: the code stays the same for a day. With --json each line is one object.
    """
    from edge.adoption.adopt import adopt_device

    def say(text: str, values: Mapping[str, Any]) -> None:
        typer.echo(json.dumps(values, ensure_ascii=False) if as_json else text)

    try:
        adopt_device(url, authority, config, keys, label, wait_min * 60.0, say, time.sleep, again)
    except KeyboardInterrupt:
        fail("stopped; run this again, the code stays the same for a day")


@app.command()
def decode(
    bits: Annotated[str, typer.Argument(help="What the reader sent, bit 1 first.")],
    format_name: Annotated[str | None, typer.Option("--format", help="Only this format.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a frame of 0 and 1 means: its formats, its numbers, its parity, and whether D0 and D1 may be swapped."""
    if format_name is not None and format_name not in FORMATS:
        fail(f"no format {format_name!r}; known are {', '.join(FORMATS)}")
    with mendable(ValueError):
        reading = read(bits, FORMATS if format_name is None else [format_name])
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(reading)))
    else:
        _print_reading(reading, key_pressed(bits))


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Ask the running agent how it is."""
    run_folder = load(config).run
    answer = agent_status(run_folder)
    if answer is None:
        fail(f"no agent answers in {run_folder}; start it with: hearthgate-edge run --config {config}")
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        points = table(POINT_COLUMNS, point_rows(answer))
        print_tables(table(("what", "how"), rows(answer)), *([points] if points.rows else []))


@app.command()
def doctor(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Check the installation, a line per check with its cure. Exit 1 if a check failed."""
    findings = list(examine(load(config)))
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(findings)))
    else:
        for finding in findings:
            cure = f" -> {finding.cure}" if finding.cure else ""
            typer.echo(f"{finding.verdict:8}{finding.check:17}{finding.found}{cure}")
    raise typer.Exit(any(finding.verdict == "failed" for finding in findings))


@journal_app.command()
def tail(
    config: ConfigOption = DEFAULT_CONFIG,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="How many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Print the newest events."""
    with _journal(config) as journal:
        rows = journal.tail(count)
    try:
        events = [_readable(decode_event(row.stored)) for row in rows]
    except Malformed as wrong:
        fail(f"a row is no event: {wrong}; look at the whole of it with: hearthgate-edge journal verify")
    if as_json:
        for event in events:
            typer.echo(json.dumps(msgspec.structs.asdict(event), ensure_ascii=False))
        return
    newest = table(
        ("seq", "at (UTC)", "point", "kind", "data"),
        (
            (str(event.seq), moment(event.at_ms), event.point, event.kind, json.dumps(event.data, ensure_ascii=False))
            for event in events
        ),
    )
    newest.columns[1].no_wrap = True
    print_tables(newest)


def _readable(event: Event) -> Event:
    return msgspec.structs.replace(event, data=spelled_out(event.data))


@journal_app.command()
def verify(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Check the whole chain. Exit 1 if it is broken."""
    with _journal(config) as journal:
        verdict = journal.verify()
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(verdict)))
    else:
        typer.echo(verdict.broken or f"the chain holds from row {verdict.first} to {verdict.last}")
    raise typer.Exit(bool(verdict.broken))


@config_app.command("show")
def show_config(
    config: ConfigOption = DEFAULT_CONFIG,
    _kinds: KindsOption = None,
    expanded: Annotated[bool, typer.Option("--expanded", help="With its templates and ranges written out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the configuration that rules, and where it comes from."""
    wirings = Wirings(load(config))
    chosen = wirings.in_force()
    origin: dict[str, Any] = {
        "source": chosen.source,
        "hash": chosen.config.hash,
        "rotten": chosen.rotten,
        "since_ms": chosen.copy.at_ms if chosen.copy else None,
        "number": chosen.copy.number if chosen.copy else None,
        "on_trial": wirings.record.trial is not None,
    }
    with mendable(NotToml, BadKey):
        text = wirings.text_of(chosen)
        if expanded:
            text = write_toml(Expansion(read_toml(text)).document)
    if as_json:
        typer.echo(json.dumps({**origin, "text": text}, ensure_ascii=False))
    else:
        for name, value in origin.items():
            if value:
                typer.echo(f"# {name}: {value}")
        typer.echo(text, nl=False)


@config_app.command()
def drop(config: ConfigOption = DEFAULT_CONFIG, _kinds: KindsOption = None, as_json: JsonOption = False) -> None:
    """Go back to the device's own file, while its agent is stopped. What the cloud sent is not taken again."""
    wirings = Wirings(load(config))
    agents = FileLock(wirings.local.state / "journal.db")
    wirings.drop()
    agents.release()
    said = f"{config} rules from the agent's next start on; the keeper follows it by itself"
    typer.echo(json.dumps({"source": "local", "file": str(config)}) if as_json else said)


@ocpp_app.command("add")
def add_post(
    post: Annotated[str, typer.Argument(help="The post's name, as a point's line says it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    _kinds: KindsOption = None,
    anew: Annotated[bool, typer.Option("--anew", help="Make another password; the old one is void.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the password of a charging post and print it once, with the address to type into the post."""
    from edge.config.post_names import name_key
    from edge.ocpp.passwords import make_password

    device = load(config)
    wired = sorted({line.post for point in device.points for line in point.lines.values()})
    name = next((name for name in wired if name_key(name) == name_key(post)), None)
    if device.ocpp is None or name is None:
        fail(f"no point of {config} is wired to a post {post!r}; there is {', '.join(wired) or 'none'}")
    login = {
        "address": f"ws://{device.ocpp.listen}/",
        "name": name,
        "password": make_password(device.keys, name, anew=anew),
    }
    if as_json:
        typer.echo(json.dumps(login))
    else:
        for what, value in login.items():
            typer.echo(f"{what:10}{value}")
        typer.echo("Type these into the post now: the password is not shown again.")


def _journal(config: Path) -> JournalView:
    path = load(config).state / "journal.db"
    if not path.exists():
        fail(f"there is no journal {path} yet: the agent makes it at its first start")
    return JournalView(path)


def _print_reading(reading: Reading, key: str | None) -> None:
    typer.echo(f"{reading.bits} bits")
    for candidate in reading.candidates:
        facility = "" if candidate.facility is None else f"facility {candidate.facility}, "
        typer.echo(f"  {candidate.format}: {facility}number {candidate.number}, parity {candidate.parity}")
    if key is not None:
        typer.echo(f"  keypad: key {key}")
    if not reading.candidates and key is None:
        typer.echo("  no known format has this length")
    if reading.fits_swapped:
        typer.echo("  perhaps D0 and D1 are swapped: it is so if each of several cards says this")
