"""``hearthgate-cloud backup`` and ``restore``: a community into one file, and a community out of it."""

import os
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud.backup.archive import BackupLabel, read_backup
from cloud.backup.sealed_stream import BadStream
from cloud.backup.service import BackupService
from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, fail, moment, tell
from cloud.keys.folder import clock, open_folder
from cloud.web.i18n import ENGLISH, languages
from cloud.web.rejected import Rejected

PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="Its first line is the passphrase. [default: it is asked for]")
]


def backup(
    out: Annotated[Path, typer.Argument(help="A new file.")],
    passphrase_file: PassphraseFile = None,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Write database, keys and the broker's folder into one file, closed with a passphrase. The cloud may run."""
    if out.exists():
        fail(f"{out} is there already: name a new file")
    passphrase = _passphrase(passphrase_file, is_new=True)
    partial = out.with_name(f".{out.name}.partial")
    with open_folder(folder) as (store, keys):
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                label = BackupService(store, keys, clock).write(BY, file, passphrase)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(out)
        except Rejected as wrong:
            fail(str(wrong))
        finally:
            partial.unlink(missing_ok=True)
    size = out.stat().st_size
    said = f"{out}: {label.site}, {size:,} bytes. Without its passphrase nobody reads it, you neither: keep both, apart"
    tell(as_json, _values(out, label) | {"bytes": size}, said)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Make the community of a backup in a new folder. What devices have recorded since, they send again."""
    passphrase = _passphrase(passphrase_file, is_new=False)
    try:
        with file.open("rb") as source:
            label = read_backup(source, passphrase, folder)
    except BadStream as wrong:
        fail(f"{file}: {wrong}")
    made = moment(label.made_ms, languages(ZoneInfo("UTC"))[ENGLISH])
    tell(
        as_json,
        _values(folder, label),
        f"{folder}: {label.site} as it was at {made}",
        "end the cloud of before, if it runs: two of them would give devices two truths. Then:",
        f"  hearthgate-cloud serve --dir {folder}",
    )


def _passphrase(file: Path | None, *, is_new: bool) -> str:
    if file is None:
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=is_new))
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        fail(f"{file}: its first line is no passphrase")
    return lines[0]


def _values(place: Path, label: BackupLabel) -> dict[str, object]:
    return {"file": str(place), "site": label.site, "made_ms": label.made_ms}
