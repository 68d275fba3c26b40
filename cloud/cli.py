"""``hearthgate-cloud``: found a community, run its cloud, register devices, look into what happens."""

import json
import logging
import re
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from cloud import (
    audit_cli,
    backup_cli,
    device_cli,
    exchange_cli,
    explain_cli,
    redecide_cli,
    replay_cli,
    retention_cli,
    rollout_cli,
    session_cli,
    setup_cli,
    user_cli,
    verify_cli,
    zone_cli,
)
from cloud.cli_parts import (
    HERE,
    FolderOption,
    JsonOption,
    KindsOption,
    LimitOption,
    VersionOption,
    by_words,
    english,
    fail,
    show,
    show_next_steps,
    tell,
)
from cloud.devices.certificates import revoked_certificates
from cloud.devices.registry import BadSite, NotRegistered, Site, check_site, site_of
from cloud.devices.tables import quarantine, tallies
from cloud.fleet.broker_config import PORT, BrokerPlace, remember_broker, write_broker
from cloud.fleet.service import LOCAL_BROKER, CannotRollOut
from cloud.founding import found_community
from cloud.keys.broker_names import WATCH
from cloud.keys.ca import open_authority
from cloud.keys.folder import FolderUnusable, clock, make_folder, open_folder
from cloud.keys.keys import KeysUnusable
from cloud.line.broker import Arrived, BadAddress, Broker, parse_address
from cloud.line.broker_tls import BrokerIdentity
from cloud.line.watch import describe
from cloud.points.zones import BadZone
from cloud.sample import SITE, seed_sample
from cloud.setup.document import BadSetup
from cloud.setup.service import Outdated
from cloud.store.labels import Label
from cloud.web.assignments import BadAssignment
from cloud.web.auth import LastAdmin, NameTaken, NoOperator, Role
from cloud.web.words import CAUSES
from contract.kinds import BadKind, add_folder

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Run a community's cloud."
)
quarantine_app = typer.Typer(no_args_is_help=True, help="What was refused.")
GROUPS = {
    "audit": audit_cli.app,
    "device": device_cli.app,
    "retention": retention_cli.app,
    "rollout": rollout_cli.app,
    "user": user_cli.app,
    "quarantine": quarantine_app,
    "session": session_cli.app,
    "setup": setup_cli.app,
    "zone": zone_cli.app,
}
app.command("import")(exchange_cli.import_people)
app.command("export")(exchange_cli.export_all)
app.command("backup")(backup_cli.backup)
app.command("restore")(backup_cli.restore)
app.command("verify-export")(verify_cli.verify)
app.command("keys")(verify_cli.show_keys)
app.command("replay")(replay_cli.replay)
app.command("redecide")(redecide_cli.redecide)
app.command()(explain_cli.why)
app.command()(explain_cli.who)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)

BrokerOption = Annotated[str, typer.Option("--broker", help="mqtt://127.0.0.1:1883 or mqtts://HOST:8883")]
SILENCE_S = 3.0
"""How often `watch` looks whether there is a broker at all."""


@app.callback()
def options(kinds: KindsOption = None, _version: VersionOption = False) -> None:
    """What may stand before every command."""
    for folder in kinds or []:
        add_folder(folder)


COMPLAINTS: Mapping[type[Exception], str] = {
    **dict.fromkeys((BadKind, FolderUnusable, KeysUnusable, NotRegistered, BadSite, BadZone, BadAddress), "{}"),
    **dict.fromkeys((BadSetup, Outdated), "{}"),
    **dict.fromkeys((CannotRollOut, BadAssignment), "{}"),
    FileNotFoundError: "{0.filename}: there is no such file or folder; look at how it is written",
    IsADirectoryError: "{0.filename} is a folder; name a file",
    NotADirectoryError: "{0.filename}: a part of this path is a file, and no folder",
    PermissionError: "{0.filename}: this user may not read or write it; look at whose it is",
    OSError: "{}",
    NoOperator: "there is no operator {}; see hearthgate-cloud user list",
    LastAdmin: "{} is the last administrator: add another one first",
    NameTaken: "there is an operator {0} already, or one that looks the same; "
    "for a new password: hearthgate-cloud user password {0}",
}
"""What the user can mend."""


def main() -> None:
    """The entry point of the script. What the user can mend is one line and exit code 2; anything else is a fault of
    ours and shows itself."""
    try:
        app()
    except (SQLAlchemyError, sqlite3.Error) as wrong:
        fail(f"the database: {wrong.__cause__ or wrong}")
    except tuple(COMPLAINTS) as wrong:
        fail(next(text for kind, text in COMPLAINTS.items() if isinstance(wrong, kind)).format(wrong))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    site: Annotated[str, typer.Option(help="The estate's name on the wire, for ever: moon-court. Asked for.")] = "",
    zone: Annotated[str, typer.Option(help="Its time zone.")] = SITE.zone,
    label_zh: Annotated[str, typer.Option("--label-zh", help="What screens call it in Chinese.")] = "",
    label_en: Annotated[str, typer.Option("--label-en", help="What screens call it in English.")] = "",
    sample: Annotated[bool, typer.Option("--sample", help="Fill it with Sunny Court, to try things on.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Found a community: its keys, its database, and a first operator whose password is shown this once."""
    if sample and (site or label_zh or label_en):
        fail("the sample is Sunny Court and nothing else: leave --site and its labels out, or --sample")
    check_site(site or SITE.name, zone)
    if not (sample or site):
        site, label_zh, label_en = _ask_names(label_zh, label_en)
        check_site(site, zone)
    with make_folder(folder) as (store, keys):
        with store.writing() as connection:
            if sample:
                seed_sample(connection, keys, clock())
            else:
                found_community(connection, Site(site, zone, Label(label_zh, label_en).named(site)), clock())
        password = user_cli.add_operator(store, "admin", Role.ADMIN)
    user_cli.show_password("admin", password, as_json)
    if not as_json:
        show_next_steps(folder)


def _ask_names(label_zh: str, label_en: str) -> tuple[str, str, str]:
    """What a real estate is called stands on every page and in every topic: it is asked for, never assumed."""
    if not sys.stdin.isatty():
        fail("say what the estate is called: --site moon-court, and --label-zh and --label-en for the screens")
    site = typer.prompt("The estate's name on the wire, such as moon-court")
    zh = label_zh or typer.prompt("Its name in Chinese", default=label_en or site)
    return site, zh, label_en or typer.prompt("Its name in English", default=site)


@app.command()
def serve(
    folder: FolderOption = HERE,
    broker: BrokerOption = LOCAL_BROKER,
    host: Annotated[str, typer.Option(help="Where the console listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the console.")] = 8400,
    tls: Annotated[
        list[str] | None, typer.Option(help="Speak HTTPS under this host name or address; may be repeated.")
    ] = None,
    cert: Annotated[
        Path | None,
        typer.Option(help="Speak HTTPS by this certificate with its chain (PEM), as fullchain.pem."),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM). [default: in the file of --cert]")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Say on every page that this is a demonstration.")] = False,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(help="Address of a proxy before the console whose X-Forwarded-For is believed; may be repeated."),
    ] = None,
    public_url: Annotated[
        str, typer.Option(help="How telephones reach the console, for what is printed. [default: as it was asked for]")
    ] = "",
) -> None:
    """Run the cloud until SIGTERM."""
    if public_url and not re.fullmatch(r"https?://[^/\s]+/?", public_url):
        fail(f"--public-url {public_url}: write https://HOST or https://HOST:PORT, as telephones reach the console")
    if (cert and tls) or (key and not cert):
        fail("give either --cert, with --key where that is a file of its own, or --tls")
    from cloud.serve import serve as run
    from cloud.web.certificate import BadCertificate, CertificateFiles
    from cloud.web.web_server import PortTaken

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        address = parse_address(broker)
        files, proxies = CertificateFiles(cert, key) if cert else None, trusted_proxy or ()
        names = tls or ()
        run(
            *(folder, address, host, port),
            demo=demo,
            names=names,
            certificate=files,
            proxies=proxies,
            public_url=public_url,
        )
    except (PortTaken, BadCertificate) as wrong:
        fail(str(wrong))


@app.command("broker-config")
def broker_config(
    host: Annotated[list[str], typer.Option(help="How devices reach it: a host name or address; may be repeated.")],
    folder: FolderOption = HERE,
    out: Annotated[Path | None, typer.Option(help="Where to write it. [default: broker in the folder]")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where devices connect.")] = PORT,
    bind: Annotated[str, typer.Option(help="The address that the broker listens on; all if none is named.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Write the folder that mosquitto runs in: TLS 1.3, a certificate for everybody, each device its own topics.

    Run it with `sh FOLDER/broker.sh`, and the cloud with `--broker mqtts://HOST:PORT`.
    """
    with open_folder(folder) as (store, keys):
        authority, now_ms = open_authority(keys.folder, clock()), clock()
        place = BrokerPlace(str((out or folder / "broker").absolute()), tuple(host), port)
        with store.reading() as connection:
            site, revoked = site_of(connection).name, revoked_certificates(connection, now_ms)
        write_broker(place, authority, site, revoked, now_ms, bind)
        remember_broker(folder, place)
    tell(
        as_json,
        {"folder": place.folder, "url": place.url, "fingerprint": authority.fingerprint},
        f"the broker's folder is {place.folder}; devices find it at {place.url}",
        f"fingerprint of the community's authority: {authority.fingerprint}",
    )


@app.command()
def watch(
    broker: BrokerOption = LOCAL_BROKER,
    folder: FolderOption = HERE,
    site: Annotated[str, typer.Option(help="Only this estate.")] = "+",
    as_json: JsonOption = False,
) -> None:
    """Print every message of the contract as it passes the broker, until interrupted."""
    passing: Queue[Arrived] = Queue()
    address = parse_address(broker)
    tls = _identity(folder, WATCH).context if address.tls else None
    connection = Broker(address, [f"hg/v1/{site}/#"], passing.put, tls=tls)
    connection.start()
    try:
        while True:
            shown = describe(_next(passing, connection))
            typer.echo(json.dumps(shown, ensure_ascii=False) if as_json else _line(shown))
    except KeyboardInterrupt:
        connection.stop()


def _next(passing: "Queue[Arrived]", connection: Broker) -> Arrived:
    """The next message; while the broker is away, every few seconds a line that says so."""
    while True:
        try:
            return passing.get(timeout=SILENCE_S)
        except Empty:
            if trouble := connection.trouble:
                typer.echo(f"hearthgate-cloud: {trouble} Waiting ...", err=True)


def _identity(folder: Path, name: str) -> BrokerIdentity:
    with open_folder(folder) as (_, keys):
        return BrokerIdentity(open_authority(keys.folder, clock()), name, keys.folder, clock)


def _line(shown: dict[str, Any]) -> str:
    arrow = "→" if shown["way"] == "up" else "←"
    message = shown.get("message", {key: shown[key] for key in ("malformed", "bytes") if key in shown})
    kept = " (kept)" if shown["retained"] else ""
    return f"{shown['device']} {arrow} {shown['channel']}{kept} {json.dumps(message, ensure_ascii=False)}"


@quarantine_app.command("list")
def list_quarantine(
    folder: FolderOption = HERE,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """The newest that was refused, with its first bytes in hex, and how much there was of each sort."""
    with open_folder(folder) as (store, _), store.reading() as connection:
        language = english(store)
        newest = connection.execute(select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)).mappings().all()
        counted = connection.execute(select(tallies)).mappings().all()
    rows = [{**row, "payload": row["payload"].hex()} for row in newest]
    if as_json:
        typer.echo(json.dumps({"tallies": [dict(row) for row in counted], "newest": rows}))
        return
    said = {"why": by_words(CAUSES)}
    show([dict(row) for row in counted], ("device", "channel", "why", "count", "last_ms"), False, language, said)
    show(rows, ("at_ms", "device", "channel", "why", "detail", "size"), False, language, said)
