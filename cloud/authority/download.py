"""The sealed file of an export, as it is sent: made whole first, so that what is rejected sends nothing."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi.responses import StreamingResponse

from cloud.authority.service import AuthorityService

IN_MEMORY, CHUNK = 1 << 20, 1 << 16
"""Bytes of a file that is being made: a larger one lies on the disk; and of a piece of it that is sent."""


def sealed_file(exports: AuthorityService, by: str, number: int) -> StreamingResponse:
    """Raises ``Rejected``."""
    file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by whoever sends it
    try:
        exports.take(by, number, file)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Disposition": f"attachment; filename=authority-{number}.ndjson"}
    return StreamingResponse(_chunks(file), media_type="application/x-ndjson", headers=headers)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk
