"""``hearthgate-cloud redecide``: decide again about every stored event, and say what came of it."""

import json
from typing import Any

import msgspec
import typer

from cloud.cli_parts import HERE, FolderOption, JsonOption, by_words, english, show
from cloud.devices.registry import site_of
from cloud.keys.folder import open_folder
from cloud.redecide.rule import Redecided
from cloud.redecide.service import Run, redecide_all
from cloud.redecide.words import VERDICTS, WHY_NOT
from service.exit_codes import Exit


def redecide(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Decide again what the devices decided, by the facts in their events and the rosters of then. Nothing is changed;
    a running cloud is not held up. The exit code is 1 if a device said otherwise."""
    with open_folder(folder) as (store, _):
        with store.reading() as connection:
            site = site_of(connection).name
        run, language = redecide_all(store, site), english(store)
    counts = _counts(run)
    differences = [msgspec.structs.asdict(one) for one in run.differences]
    if as_json:
        typer.echo(json.dumps({"counts": counts, "differences": differences}, ensure_ascii=False))
    else:
        said = {"verdict": by_words(VERDICTS), "why": by_words(WHY_NOT)}
        show(counts, ("verdict", "why", "count"), as_json, language, said)
        if differences:
            reasons = dict.fromkeys(("said", "ours"), language.reason)
            show(differences, ("at_ms", "device", "point", "said", "ours", "roster"), as_json, language, reasons)
    if run.tally[Redecided.DIFFERENT, None]:
        raise SystemExit(Exit.NOT_SO)


def _counts(run: Run) -> list[dict[str, Any]]:
    """Those of the replay always, also where they are 0."""
    tally = {(Redecided.SAME, None): 0, (Redecided.DIFFERENT, None): 0, **run.tally}
    order = list(Redecided)
    return [
        {"verdict": verdict.value, "why": why.value if why else "", "count": count}
        for (verdict, why), count in sorted(tally.items(), key=lambda item: (order.index(item[0][0]), item[0][1] or ""))
    ]
