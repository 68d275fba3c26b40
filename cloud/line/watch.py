"""Any message of the contract, as something a person can read."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cloud.line.broker import Arrived
from contract import codec
from contract.codec import Malformed
from contract.events import decode_event
from contract.messages import (
    Ack,
    Beat,
    Certificate,
    Command,
    Desired,
    EventBatch,
    Lend,
    Live,
    Manifest,
    Renewal,
    Reported,
    Result,
    State,
    Usage,
    Want,
)
from contract.roster import Page, Prefix
from contract.roster_index import IndexPage, is_index_page
from contract.site_page import SitePage
from contract.zone_news import RoomTaken, ZoneNews


def describe(message: Arrived) -> dict[str, Any]:
    """The message and where it went, as plain values that JSON can hold; hashes and links in hex.

    A seal is mentioned, not checked. What is no message is described by what is wrong with it.
    """
    topic = message.topic
    shown: dict[str, Any] = {"site": topic.site, "device": topic.device, "way": topic.way, "channel": topic.channel}
    shown["retained"] = message.retained
    try:
        return shown | _READERS[topic.channel](message.payload)
    except Malformed as wrong:
        return shown | {"malformed": str(wrong), "bytes": len(message.payload)}


def _document(kind: type[msgspec.Struct]) -> Callable[[bytes], dict[str, Any]]:
    def show(payload: bytes) -> dict[str, Any]:
        body, seal = codec.detach(payload) if b"\n" in payload else (payload, b"")
        return {"sealed": bool(seal), "message": _plain(codec.read(body, kind))}

    return show


def _batch(payload: bytes) -> dict[str, Any]:
    batch = codec.unpack(payload, EventBatch)
    return {"sealed": bool(batch.seal), "message": _plain(batch, events=[_event(stored) for stored in batch.events])}


def _event(stored: bytes) -> dict[str, Any]:
    try:
        return _plain(decode_event(stored))
    except Malformed as wrong:
        return {"malformed": str(wrong), "bytes": len(stored)}


def _page(payload: bytes) -> dict[str, Any]:
    """A page of rows, an index page or the site page, whichever it reads as."""
    if is_index_page(payload):
        index = IndexPage(payload)
        pages = len(index.entries)
        return {"message": {"prefix": _prefix(index.prefix), "pages": pages, "rows": index.count}}
    try:
        page = Page(payload)
        page.check()
    except Malformed:
        return {"message": _plain(codec.unpack(payload, SitePage))}
    return {"message": {"prefix": _prefix(page.prefix), "rows": page.count}}


def _prefix(prefix: Prefix) -> str:
    return f"{prefix.value:08x}/{prefix.bits}"


def _plain(message: msgspec.Struct, **instead: Any) -> dict[str, Any]:
    fields = {name: getattr(message, name) for name in message.__struct_fields__} | instead
    return {name: _hexed(msgspec.to_builtins(value, builtin_types=(bytes,))) for name, value in fields.items()}


def _hexed(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: _hexed(item) for key, item in value.items()}
        case list():
            return [_hexed(item) for item in value]
        case _:
            return value


_READERS: Mapping[str, Callable[[bytes], dict[str, Any]]] = {
    "events": _batch,
    "state": _document(State),
    "beat": _document(Beat),
    "live": _document(Live),
    "want": _document(Want),
    "ack": _document(Ack),
    "roster": _document(Manifest),
    "page": _page,
    "config": _document(Desired),
    "reported": _document(Reported),
    "command": _document(Command),
    "result": _document(Result),
    "renew": _document(Renewal),
    "certificate": _document(Certificate),
    "usage": _document(Usage),
    "lend": _document(Lend),
    "zone": _document(ZoneNews),
    "room": _document(RoomTaken),
}
