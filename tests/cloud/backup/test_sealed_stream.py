"""The stream of a backup: it gives back what was written, or says that it is not whole."""

from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.backup import sealed_stream
from cloud.backup.sealed_stream import CUT, NO_BACKUP, WRONG, BadStream, SealingWriter, StreamHead, UnsealingReader

PASSPHRASE = "four words in a row"
PIECE = 64
TAG = 16
small = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def small_pieces(cheap_key: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_stream, "PIECE_BYTES", PIECE)


def sealed(content: bytes) -> bytes:
    out = BytesIO()
    writer = SealingWriter(out, PASSPHRASE)
    writer.write(content)
    writer.finish()
    return out.getvalue()


def unsealed(stream: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return UnsealingReader(BytesIO(stream), passphrase).readall()


@small
@given(st.binary(max_size=4 * PIECE))
def test_any_content_comes_back(content: bytes) -> None:
    assert unsealed(sealed(content)) == content


@small
@given(st.binary(max_size=3 * PIECE), st.data())
def test_stream_cut_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    """Also where a piece ends."""
    stream = sealed(content)
    with pytest.raises(BadStream):
        unsealed(stream[: data.draw(st.integers(0, len(stream) - 1))])


@small
@given(st.binary(max_size=3 * PIECE), st.data())
def test_stream_changed_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    stream = bytearray(sealed(content))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadStream):
        unsealed(bytes(stream))


def test_pieces_keep_their_places() -> None:
    """None is swapped, doubled or left out."""
    head, _, rest = sealed(bytes(range(200))).partition(b"\n")
    pieces = [rest[at : at + PIECE + TAG] for at in range(0, len(rest), PIECE + TAG)]
    assert len(pieces) == 4
    for order in ((1, 0, 2, 3), (0, 0, 1, 2, 3), (0, 2, 3), (3,), (0, 1, 2)):
        with pytest.raises(BadStream):
            unsealed(head + b"\n" + b"".join(pieces[place] for place in order))


def test_each_fault_has_its_sentence() -> None:
    stream = sealed(bytes(3 * PIECE))
    for given_, passphrase, said in (
        (stream, "another passphrase", WRONG),
        (stream[: -PIECE - TAG], PASSPHRASE, CUT),
        (b"PK" + stream, PASSPHRASE, NO_BACKUP),
        (b"", PASSPHRASE, NO_BACKUP),
    ):
        with pytest.raises(BadStream, match=said):
            unsealed(given_, passphrase)


def test_head_of_a_stranger_costs_little() -> None:
    """Nobody's file takes all memory, or an hour."""
    for field, value in (("memory_kib", 1 << 30), ("rounds", 10_000), ("lanes", 500), ("salt", "zz")):
        head = sealed(b"")[:-TAG].decode()
        assert f'"{field}":' in head
        stream = head.replace(f'"{field}":', f'"{field}":{value!r},"x":'.replace("'", '"')).encode()
        with pytest.raises(BadStream, match=NO_BACKUP):
            unsealed(stream)


def test_shipped_key_costs_what_argon_asks() -> None:
    """The second of the recommended choices of RFC 9106, section 4."""
    head = StreamHead(sealed_stream.MARK, "00" * 16)
    assert (head.memory_kib, head.rounds, head.lanes) == (65_536, 3, 4)
