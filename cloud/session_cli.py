"""``hearthgate-cloud session``: charging sessions."""

from typing import Annotated

import typer

from cloud.charging.store import list_sessions
from cloud.cli_parts import HERE, FolderOption, JsonOption, LimitOption, by_words, english, show
from cloud.keys.folder import clock, open_folder
from cloud.web.words import SESSIONS

app = typer.Typer(no_args_is_help=True, help="Charging sessions.")


@app.command("list")
def list_charging(
    point: Annotated[str, typer.Option(help="Of this socket alone.")] = "",
    folder: FolderOption = HERE,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """Those that were told of last, first."""
    with open_folder(folder) as (store, _), store.reading() as connection:
        language = english(store)
        sessions = list_sessions(connection, point=point, limit=limit)
    shown = [
        {
            "session": session.session,
            "point": session.point,
            "who": session.person.name.en or session.person.name.zh if session.person else None,
            "began_ms": session.began_ms,
            "state": session.state(clock()),
            "reason": session.reason,
            "energy_wh": session.energy_wh,
            "fen": session.bill.fen if session.bill else None,
        }
        for session in sessions
    ]
    columns = ("session", "point", "who", "began_ms", "state", "reason", "energy_wh", "fen")
    said = {"state": by_words({**SESSIONS, "ended": "Ended"}), "reason": language.stop}
    show(shown, columns, as_json, language, said)
