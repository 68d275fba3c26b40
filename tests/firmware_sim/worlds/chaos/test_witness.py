"""Who listens on the cables: reads MQTT wherever it is cut, remembers promises, counts what is sent again."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from firmware_sim.worlds.chaos.witness import Stream, Witness

CONNECT = b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc"
PING = b"\xc0\x00"
MANY = 300
"""More than fits in a length of one byte."""


def length(size: int) -> bytes:
    return bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80]) + length(size >> 7)


def published(topic: str, payload: bytes, *, qos: int = 1, properties: bytes = b"\x02\x01\x00") -> bytes:
    name = topic.encode()
    body = len(name).to_bytes(2) + name + (b"\x00\x07" if qos else b"") + length(len(properties)) + properties + payload
    return bytes([0x30 | qos << 1]) + length(len(body)) + body


def ack(device: str, journal: str, upto: int) -> bytes:
    said = f'{{"journal":"{journal}","upto":{upto},"now_ms":1,"rewind":false}}\nc2VhbA=='
    return published(f"hg/v1/sunny-court/{device}/dn/ack", said.encode())


def batch(device: str, first: int, last: int, journal: str = "j") -> bytes:
    body = msgpack.encode([1, journal, first, last, b"p", b"t", False, [b""], b"s"])
    return published(f"hg/v1/sunny-court/{device}/up/events", body)


def heard(*packets: bytes) -> Witness:
    witness = Witness()
    hear = witness.listen()
    for packet in packets:
        hear(packet)
    return witness


@given(st.lists(st.integers(0, 1000), max_size=6))
def test_messages_are_read_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    sent = [("a/b", b"x" * MANY), ("c", b""), ("d", b"\x30\x30")]
    stream = CONNECT + PING.join(published(topic, payload) for topic, payload in sent)
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    reader = Stream()
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert [message for piece in pieces for message in reader.feed(piece)] == sent


def test_a_message_that_nobody_confirms_has_no_number_to_be_skipped() -> None:
    assert list(Stream().feed(published("t", b"payload", qos=0))) == [("t", b"payload")]


def test_what_is_no_mqtt_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="not MQTT"):
        list(Stream().feed(b"\x30\xff\xff\xff\xff\xff"))


def test_the_furthest_promise_of_each_journal_is_remembered() -> None:
    witness = heard(ack("gym-1", "one", 5), ack("gym-1", "one", 3), ack("gym-1", "two", 2), ack("gate-1", "one", 9))
    assert witness.promised == {("gym-1", "one"): 5, ("gym-1", "two"): 2, ("gate-1", "one"): 9}


def test_only_a_promise_of_more_than_before_is_news() -> None:
    witness, news = Witness(), []
    witness.on_promise = lambda: news.append(dict(witness.promised))
    hear = witness.listen()
    for packet in (ack("gym-1", "one", 5), ack("gym-1", "one", 5), ack("gym-1", "one", 4), ack("gym-1", "one", 6)):
        hear(packet)
    assert news == [{("gym-1", "one"): 5}, {("gym-1", "one"): 6}]


def test_every_command_is_counted_once_and_told_each_time() -> None:
    witness, told = Witness(), []
    witness.on_command = lambda device, topic, payload: told.append((device, topic, payload[:4]))
    topic, said = "hg/v1/sunny-court/gym-1/dn/command", b'{"id":"ab"}\nc2VhbA=='
    hear = witness.listen()
    hear(published(topic, said))
    hear(published(topic, said))
    assert witness.commands == {"ab"}
    assert told == [("gym-1", topic, b'{"id')] * 2


def test_rows_that_were_sent_before_are_counted_apart() -> None:
    witness = heard(batch("gym-1", 1, 4), batch("gym-1", 5, 6), batch("gym-1", 3, 8), batch("gate-1", 1, 2))
    assert (witness.sent, witness.resent) == (14, 4)


def test_a_new_connection_is_read_from_its_beginning() -> None:
    witness = Witness()
    witness.listen()(batch("gym-1", 1, 4)[:20])
    witness.listen()(batch("gym-1", 1, 4))
    assert witness.sent == 4
