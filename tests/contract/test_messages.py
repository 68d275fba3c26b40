import json
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from contract.codec import Malformed, pack, read, unpack, write
from contract.events import encode_event
from contract.messages import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_PAYLOAD_BYTES,
    MAX_ROSTER_PAGES,
    MAX_WANTED_PAGES,
    Ack,
    Beat,
    EventBatch,
    Manifest,
    State,
    Want,
)
from tests.contract import golden

BATCH, ACK, STATE, BEAT, WANT, MANIFEST = (
    golden.MESSAGES[name]
    for name in ("events-1.hex", "ack-3.json", "state-6.json", "beat-2.json", "want-1.json", "roster-2.json")
)


@pytest.mark.parametrize("name", golden.MESSAGES | golden.OLDER)
def test_a_kept_message_reads_as_it_did(name: str) -> None:
    message = (golden.MESSAGES | golden.OLDER)[name]
    decode = unpack if name.endswith(".hex") else read
    assert decode(golden.payload(name), type(message)) == message


@pytest.mark.parametrize("name", golden.MESSAGES)
def test_a_message_is_written_as_it_is_kept(name: str) -> None:
    message = golden.MESSAGES[name]
    encode = pack if name.endswith(".hex") else write
    assert encode(message) == golden.payload(name)


def test_every_kept_file_is_read_by_a_test() -> None:
    known = golden.OTHER_FILES.union(golden.MESSAGES, golden.OLDER)
    assert {file.name for file in golden.FOLDER.iterdir()} == known


def changed(message: Struct, changes: dict[str, Any]) -> bytes:
    """A JSON message with some fields set to other values."""
    return json.dumps(json.loads(write(message)) | changes).encode()


def without(message: Struct, field: str) -> bytes:
    fields = json.loads(write(message))
    del fields[field]
    return json.dumps(fields).encode()


@pytest.mark.parametrize("message", [ACK, STATE, BEAT, WANT, MANIFEST], ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("version", [0, 2, -1, 10**30, "1", None, 1.5, True])
def test_another_schema_version_is_refused(message: Struct, version: Any) -> None:
    with pytest.raises(Malformed, match=r"schema version|`int`|out of range"):
        read(changed(message, {"version": version}), type(message))


def test_another_schema_version_of_a_batch_is_refused() -> None:
    with pytest.raises(Malformed, match="schema version 2, this side speaks 1"):
        unpack(pack(msgspec.structs.replace(BATCH, version=2)), EventBatch)


@pytest.mark.parametrize("message", [ACK, STATE, BEAT, WANT, MANIFEST], ids=lambda message: type(message).__name__)
def test_a_field_of_the_future_is_passed_over(message: Struct) -> None:
    """A newer peer may say more; what it says here still holds."""
    assert read(changed(message, {"a_field_of_the_future": [1, {"x": None}]}), type(message)) == message


@pytest.mark.parametrize(
    ("message", "field"),
    [
        *[(ACK, field) for field in ("journal", "upto", "now_ms")],
        *[(STATE, field) for field in ("online", "connection")],
        *[(BEAT, field) for field in ("at_ms", "clock", "waiting")],
        (WANT, "pages"),
        *[
            (MANIFEST, field)
            for field in ("device", "number", "issued_ms", "expires_ms", "site_page", "pages", "count")
        ],
    ],
)
def test_a_missing_field_is_named(message: Struct, field: str) -> None:
    with pytest.raises(Malformed, match=f"missing required field `{field}`"):
        read(without(message, field), type(message))


HASH = "B/PWTAEdX17djU1l4Gke/Q=="


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (ACK, {"upto": -1}),
        (ACK, {"upto": "8"}),
        (ACK, {"upto": 8.5}),
        (ACK, {"now_ms": None}),
        (ACK, {"rewind": 1}),
        (ACK, {"fork": 1}),
        (ACK, {"journal": "0123456789ABCDEF"}),
        (ACK, {"journal": "0123456789abcde"}),
        (ACK, {"journal": "0123456789abcdef\n"}),
        (ACK, {"journal": "\n0123456789abcdef"}),
        (STATE, {"online": "yes"}),
        (STATE, {"connection": True}),
        (STATE, {"points": []}),
        (STATE, {"points": {"door": "open"}}),
        (STATE, {"roster": None}),
        (BEAT, {"waiting": 1.5}),
        (BEAT, {"faults": {"reader": 3}}),
        (WANT, {"pages": []}),
        (WANT, {"pages": ["AAAA"]}),
        (WANT, {"pages": ["not base64 at all!!!!!!!"]}),
        (WANT, {"pages": [HASH] * (MAX_WANTED_PAGES + 1)}),
        (MANIFEST, {"device": "Gym"}),
        (MANIFEST, {"device": "gym-1\n"}),
        (MANIFEST, {"device": "a" * 41}),
        (MANIFEST, {"number": 0}),
        (MANIFEST, {"count": -1}),
        (MANIFEST, {"site_page": "AAAA"}),
        (MANIFEST, {"pages": [HASH, 1]}),
        (MANIFEST, {"pages": [HASH] * (MAX_ROSTER_PAGES + 1)}),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else type(value).__name__,
)
def test_a_field_of_the_wrong_kind_is_refused(message: Struct, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(changed(message, changes), type(message))


def batch(**changes: Any) -> bytes:
    fields = msgspec.msgpack.decode(pack(BATCH))
    for place, value in changes.items():
        fields[EventBatch.__struct_fields__.index(place)] = value
    return msgspec.msgpack.encode(fields)


@pytest.mark.parametrize(
    "changes",
    [
        {"events": []},
        {"events": [b"x"] * (MAX_BATCH_EVENTS + 1)},
        {"events": ["text"]},
        {"events": None},
        {"first": 0},
        {"first": -1},
        {"first": 1 << 63},
        {"first": "7"},
        {"last": 1 << 63},
        {"prev": bytes(31)},
        {"tip": bytes(33)},
        {"tip": "0" * 32},
        {"journal": b"0123456789abcdef"},
        {"journal": "../../etc/passwd"},
        {"replay": 1},
        {"seal": None},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_batch_with_a_field_of_the_wrong_kind_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="EventBatch"):
        unpack(batch(**changes), EventBatch)


@pytest.mark.parametrize("count", range(len(EventBatch.__struct_fields__)))
def test_a_batch_with_fields_cut_off_is_refused(count: int) -> None:
    with pytest.raises(Malformed, match="EventBatch"):
        unpack(msgspec.msgpack.encode(msgspec.msgpack.decode(pack(BATCH))[:count]), EventBatch)


def test_the_highest_row_number_that_a_database_can_hold_is_one() -> None:
    assert unpack(batch(first=(1 << 63) - 1, last=(1 << 63) - 1), EventBatch).last == (1 << 63) - 1


def test_the_largest_messages_the_contract_allows_fit_in_a_payload() -> None:
    full_batch = batch(events=[b"x" * (MAX_BATCH_BYTES // MAX_BATCH_EVENTS)] * MAX_BATCH_EVENTS)
    assert len(unpack(full_batch, EventBatch).events) == MAX_BATCH_EVENTS
    full_want = changed(WANT, {"pages": [HASH] * MAX_WANTED_PAGES})
    assert len(read(full_want, Want).pages) == MAX_WANTED_PAGES
    full_roster = write(msgspec.structs.replace(MANIFEST, pages=[bytes(16)] * MAX_ROSTER_PAGES))
    assert len(full_roster) <= MAX_PAYLOAD_BYTES - 2048, "room for the seal and for fields to come"
    assert len(read(full_roster, Manifest).pages) == MAX_ROSTER_PAGES


def test_an_event_in_a_batch_costs_little() -> None:
    """The reason for msgpack arrays: JSON of the same event takes more than half as much again."""
    assert len(encode_event(golden.PASSED)) < 60 < 100 < len(write_as_json(golden.PASSED))


def write_as_json(event: Struct) -> bytes:
    return msgspec.json.encode(msgspec.structs.asdict(event))


@pytest.mark.parametrize(
    ("message", "kind"), [(ACK, State), (STATE, Ack), (ACK, Want), (WANT, Manifest), (STATE, Beat), (BEAT, Ack)]
)
def test_a_message_is_not_mistaken_for_one_of_another_kind(message: Struct, kind: type[Struct]) -> None:
    with pytest.raises(Malformed, match="missing required field"):
        read(write(message), kind)
