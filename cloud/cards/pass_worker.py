"""The script by which a browser keeps the page of a pass, for when there is no network."""

from fastapi.responses import FileResponse

from cloud.web.pages import ASSETS_OF_DOMAINS


def pass_worker(scope: str) -> FileResponse:
    """For pages below this path. Browsers ask for it anew with every release, by another query."""
    script = ASSETS_OF_DOMAINS["phones"] / "worker.js"
    return FileResponse(script, media_type="text/javascript", headers={"Service-Worker-Allowed": scope})
