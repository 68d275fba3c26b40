"""How often a carried pass has opened each door."""

from edge.passes.uses import MAX_USED, PassUses

PASS = b"p" * 8


def test_uses_count_at_each_door() -> None:
    uses = PassUses()
    uses.note("gym", PASS, until_s=200, now_s=100)
    uses.note("gym", PASS, until_s=200, now_s=101)
    assert (uses.count("gym", PASS), uses.count("gate", PASS)) == (2, 0)
    assert PassUses(uses.rows()).count("gym", PASS) == 2


def test_pass_that_has_ended_is_forgotten() -> None:
    uses = PassUses()
    uses.note("gym", PASS, until_s=200, now_s=100)
    uses.note("gym", b"q" * 8, until_s=400, now_s=200)
    assert [one.pass_id for one in uses.rows()] == [b"q" * 8]


def test_passes_that_end_last_are_kept() -> None:
    uses = PassUses()
    for number in range(MAX_USED + 5):
        uses.note("gym", number.to_bytes(8, "big"), until_s=1_000 + number, now_s=100)
    assert len(uses.rows()) == MAX_USED
    assert uses.count("gym", (0).to_bytes(8, "big")) == 0
    assert uses.count("gym", MAX_USED.to_bytes(8, "big")) == 1
