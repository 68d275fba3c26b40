"""The services of commands and modes, as calls and pages ask for them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends

from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.people.store import digest_of_card
from cloud.store.schema import MAX_INTEGER
from cloud.web.context import RequestContext, service
from contract.commands import CommandType, WrongArgs

Commands = Annotated[CommandService, Depends(service(CommandService))]
Modes = Annotated[DesiredStateService, Depends(service(DesiredStateService))]


class NoSuchCard(LookupError):
    """The register has no card of this number."""


def with_digest(context: RequestContext, known: CommandType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the credential that a device knows in the place of the number of a ``card``: nobody names one
    otherwise. Raises ``NoSuchCard`` or ``WrongArgs``."""
    args = dict(given)
    if "digest" not in known.arg_names:
        return args
    card = args.pop("card", None)
    if isinstance(card, bool) or not isinstance(card, int) or not 0 < card <= MAX_INTEGER:
        raise WrongArgs(f"{known.op}: card is the number of a card")
    with context.store.reading() as connection:
        digest = digest_of_card(connection, card)
    if digest is None:
        raise NoSuchCard("there is no such card")
    return {**args, "digest": digest.hex()}
