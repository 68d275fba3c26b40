"""``hearthgate-cloud user``: those who may log in to the console."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, by_words, english, fail, show, tell
from cloud.keys.folder import clock, open_folder
from cloud.store.database import Store
from cloud.web import operators
from cloud.web.auth import MAX_NAME, Authenticator, BadName, NoOperator, Role
from cloud.web.networks import network_of
from cloud.web.roles import ROLES
from cloud.web.second_factor import SecondFactor
from cloud.web.words import ROLES as ROLES_IN_WORDS

app = typer.Typer(no_args_is_help=True, help="Those who may log in to the console.")

UserArgument = Annotated[str, typer.Argument(help="The name to log in with.")]
AddressArgument = Annotated[str, typer.Argument(help="As the audit shows it, such as 192.0.2.7.")]


@app.command("add")
def add_user(
    name: UserArgument,
    role: Annotated[Role, typer.Option(help="What this user may see and do.")] = Role.GUARD,
    zone: Annotated[str, typer.Option(help="The zone of a steward.")] = "",
    cell: Annotated[
        str, typer.Option(help="The cell of a cell worker by its name in the setup, or its units, such as 3-1,3-2.")
    ] = "",
    party: Annotated[str, typer.Option(help="The number of the company of a clerk.")] = "",
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Let somebody log in. The password is made here and shown this once."""
    with open_folder(folder) as (store, _):
        try:
            password = add_operator(store, name, role, part_of(role, zone=zone, cell=cell, party=party))
        except BadName as wrong:
            fail(f"{name!r} is no name: {wrong}; 1 to {MAX_NAME} characters without spaces")
    show_password(name, password, as_json)


@app.command("password")
def reset_password(name: UserArgument, folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Give somebody a new password, shown this once, and end their logins."""
    password = secrets.token_urlsafe(12)
    with open_folder(folder) as (store, _):
        Authenticator(store, clock).reset_password(name, password, BY)
    show_password(name, password, as_json)


@app.command("no-second-factor")
def end_second_factor(name: UserArgument, folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Ask somebody for no code besides the password any more, who has lost app and paper."""
    with open_folder(folder) as (store, keys):
        with store.reading() as connection:
            found = operators.find_operator(connection, name)
        if found is None:
            raise NoOperator(name)
        SecondFactor(store, keys.numbers, clock).end(found[0], BY)
    tell(as_json, {"operator": name, "second_factor": False}, f"operator {name} is asked for no code any more")


@app.command("disable")
def disable_user(name: UserArgument, folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Somebody may log in no more, and is logged out at once. Can be taken back."""
    with _operator_of(folder, name) as (authenticator, operator):
        authenticator.set_disabled(operator, True, BY)
    tell(as_json, {"operator": name, "disabled": True}, f"operator {name} may log in no more")


@app.command("enable")
def enable_user(name: UserArgument, folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Let somebody log in again who was disabled."""
    with _operator_of(folder, name) as (authenticator, operator):
        authenticator.set_disabled(operator, False, BY)
    tell(as_json, {"operator": name, "disabled": False}, f"operator {name} may log in again")


@app.command("remove")
def remove_user(name: UserArgument, folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Forget somebody for good. What they did stays in the audit, and their name may be given again."""
    with _operator_of(folder, name) as (authenticator, operator):
        authenticator.remove_operator(operator, BY)
    tell(as_json, {"operator": name, "removed": True}, f"operator {name} is removed")


@contextmanager
def _operator_of(folder: Path, name: str) -> Iterator[tuple[Authenticator, operators.Operator]]:
    """Somebody who may log in, to be changed. Raises ``NoOperator``."""
    with open_folder(folder) as (store, _):
        with store.reading() as connection:
            found = operators.find_operator(connection, name)
        if found is None:
            raise NoOperator(name)
        yield Authenticator(store, clock), found[0]


@app.command("list")
def list_users(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Everybody who may log in."""
    with open_folder(folder) as (store, _), store.reading() as connection:
        language, users = english(store), operators.list_operators(connection)
    names = ("name", "role", "of", "disabled", "last_login_ms")
    rows = [{name: getattr(user, name) for name in names} for user in users]
    show(rows, names, as_json, language, {"role": by_words(ROLES_IN_WORDS), "disabled": _yes_or_no})


def _yes_or_no(is_so: bool) -> str:
    return "yes" if is_so else "no"


@app.command("admit")
def admit_user(
    name: UserArgument, address: AddressArgument, folder: FolderOption = HERE, as_json: JsonOption = False
) -> None:
    """Let somebody log in from an address while strangers guess at their name; the password is needed all the same."""
    try:
        network = network_of(str(ip_address(address)))
    except ValueError:
        fail(f"{address} is no address: write it as the audit shows it, such as 192.0.2.7")
    with open_folder(folder) as (store, _):
        Authenticator(store, clock).admit(name, address, BY)
    said = f"operator {name} may log in from {network}, whoever guesses at the name elsewhere"
    tell(as_json, {"operator": name, "network": str(network)}, said)


def part_of(role: Role, **of: str) -> str:
    """What the role is for, out of the options; the one that is not its own is refused."""
    part = ROLES[role].part
    wrong = [f"--{option}" for option, value in of.items() if value and option != part]
    if wrong:
        needed = f"the role {role.value} goes with --{part.value}" if part else f"the role {role.value} has none"
        fail(f"{wrong[0]}: {needed}")
    return of[part] if part else ""


def add_operator(store: Store, name: str, role: Role, of: str = "") -> str:
    """Returns the password, which is made here. Raises ``BadName``, ``BadAssignment`` or ``NameTaken``."""
    password = secrets.token_urlsafe(12)
    Authenticator(store, clock).add_operator(name, password, role, BY, of)
    return password


def show_password(name: str, password: str, as_json: bool) -> None:
    """Print a password, this once."""
    said = f"operator {name}, password {password} (shown only now)"
    tell(as_json, {"operator": name, "password": password}, said)
