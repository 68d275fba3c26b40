"""What a program consists of is loaded without the garbage collector."""

import gc

from service.loading import loading


def test_nothing_is_collected_while_program_is_loaded() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_loaded_is_left_alone_for_good() -> None:
    gc.unfreeze()
    with loading():
        loaded = [object()]
    assert gc.get_freeze_count() > 0
    assert not any(found is loaded for found in gc.get_objects())
