"""The public page of a hub, for whoever stands before it or is on the way: no login, no script needed, no names."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse, Response

from cloud.charging.hubs import CACHED_FOR_S, HubBoard, Made, by_class
from cloud.charging.store import Hub
from cloud.web.auth import Right
from cloud.web.context import Context, or_404
from cloud.web.qr import draw_address

IfNoneMatch = Annotated[str, Header(max_length=200)]
router = APIRouter(prefix="/hub")


@router.get("/{hub}")
def hub(context: Context, hub: str, if_none_match: IfNoneMatch = "") -> Response:
    """What is free, made once in a while for everybody who reads the same language."""
    code = context.language.code

    def make(view: Hub, now_ms: int) -> bytes:
        return context.pages.fragment(
            code,
            "hub.html",
            path=f"/hub/{view.name}",
            query={},
            login=None,
            rights=frozenset[Right](),
            hub=view,
            bays=by_class(view),
            now_ms=now_ms,
        ).encode()

    return cacheable(or_404(context.service(HubBoard).page(hub, code, make)), if_none_match, "text/html; charset=utf-8")


def cacheable(made: Made, if_none_match: str, media_type: str) -> Response:
    """The answer of the moment, or that the asker has it already."""
    headers = {
        "Cache-Control": f"public, max-age={CACHED_FOR_S}",
        "ETag": made.etag,
        "Vary": "Accept-Language, Cookie",
    }
    if made.etag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(made.body, media_type=media_type, headers=headers)


@router.get("/{hub}/qr")
def qr_sheet(context: Context, hub: str) -> HTMLResponse:
    """The page's own address as a sheet to print."""
    view, request = or_404(context.service(HubBoard).find(hub)), context.request
    return context.pages.page(request, "hub_qr.html", hub=view, address=draw_address(request, f"/hub/{view.name}"))
