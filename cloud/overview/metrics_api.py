"""`/metrics`, for whoever shows the community's token for it: a stranger learns nothing, not even from loopback.

A proxy in front of the cloud speaks from loopback for the whole world, so an address proves nothing.
"""

import secrets

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from cloud.overview.metrics import Metrics

router = APIRouter()


@router.get("/metrics")
def metrics(request: Request) -> Response:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token: str = request.app.state.metrics_token
    if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), token.encode()):
        return PlainTextResponse("a token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
    found: Metrics = request.app.state.metrics
    return Response(found.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
