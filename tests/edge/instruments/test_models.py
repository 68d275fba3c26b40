"""What the registers of each model mean, and what cannot be."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.instruments.models import MODELS, PLAUSIBLE
from tests.edge.support.wires import NTC, PZEM


def sdm120(**values: float) -> list[list[int]]:
    """The two blocks of an SDM120, by the register of each value."""
    now, total = [0] * 72, [0, 0]
    good = {"r0": 231.5, "r6": 4.5, "r12": 1000.0, "r30": -0.96, "r70": 49.98, "r342": 12.345} | values
    for name, value in good.items():
        words = struct.unpack(">HH", struct.pack(">f", value))
        register = int(name[1:])
        if register < 72:
            now[register : register + 2] = words
        else:
            total[:] = words
    return [now, total]


def test_every_model_is_read_by_blocks_of_lengths_that_differ() -> None:
    for model in MODELS.values():
        counts = [count for _, _, count in model.blocks]
        assert len(set(counts)) == len(counts)


def test_a_pzem_says_all_it_measures_low_word_first() -> None:
    assert MODELS["pzem004t"].decode([PZEM], None) == {
        "voltage_v": 230.1,
        "current_a": 5.217,
        "power_w": 1188.0,
        "energy_wh": 4321.0,
        "frequency_hz": 50.0,
        "power_factor": 0.99,
    }
    large = [2300, 0x1170, 1, 0x8000, 2, 0x2345, 1, 500, 99, 0]
    said = MODELS["pzem004t"].decode([large], None)
    assert isinstance(said, dict)
    assert (said["current_a"], said["power_w"], said["energy_wh"]) == (70.0, 16_384.0, 74_565.0)


def test_an_sdm120_says_the_same_in_floats() -> None:
    said = MODELS["sdm120"].decode(sdm120(), None)
    assert isinstance(said, dict)
    assert said == {
        "voltage_v": 231.5,
        "current_a": 4.5,
        "power_w": 1000.0,
        "energy_wh": pytest.approx(12_345),
        "frequency_hz": pytest.approx(49.98),
        "power_factor": pytest.approx(0.96),
    }


def test_a_thermistor_board_says_one_channel() -> None:
    said = [MODELS["ntc8"].decode([NTC], channel) for channel in range(8)]
    assert said[:4] == [{"temperature_c": 23.1}, {"temperature_c": -1.0}, "open", "shorted"]
    assert said[7] == "absurd"


@pytest.mark.parametrize(
    "registers",
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],  # the mains are gone: that is no load of zero
        [0xFFFF] * 10,
        [2300, 0, 0, 20_000, 0, 0, 0, 500, 99, 0],  # 2 kW without a current
        [2300, 5000, 0, 11_000, 0, 0, 0, 0, 99, 0],  # 0 Hz
        [5000, 5000, 0, 11_000, 0, 0, 0, 500, 99, 0],
        [2300, 5000, 0, 11_000, 0, 0, 0, 500, 101, 0],
    ],
)
def test_what_a_pzem_cannot_measure_is_unknown(registers: list[int]) -> None:
    assert MODELS["pzem004t"].decode([registers], None) == "absurd"


@pytest.mark.parametrize(
    "wrong",
    [{"r0": float("nan")}, {"r12": float("inf")}, {"r12": -1000.0}, {"r70": 0.0}, {"r342": -1.0}, {"r30": 3.0}],
)
def test_what_an_sdm120_cannot_measure_is_unknown(wrong: dict[str, float]) -> None:
    assert MODELS["sdm120"].decode(sdm120(**wrong), None) == "absurd"


def test_a_voltage_out_of_its_band_is_a_value_for_the_station_to_judge() -> None:
    said = MODELS["pzem004t"].decode([[1700, *PZEM[1:3], 8000, *PZEM[4:]]], None)
    assert isinstance(said, dict)
    assert said["voltage_v"] == 170.0


@given(st.sampled_from(sorted(MODELS)), st.data())
def test_whatever_the_registers_hold_what_is_said_is_possible(name: str, data: st.DataObject) -> None:
    model = MODELS[name]
    words = st.integers(0, 0xFFFF)
    blocks = [data.draw(st.lists(words, min_size=count, max_size=count)) for _, _, count in model.blocks]
    said = model.decode(blocks, data.draw(st.integers(0, 7)))
    if isinstance(said, str):
        assert said in ("absurd", "open", "shorted")
    else:
        for value_name, value in said.items():
            low, high = PLAUSIBLE[value_name]
            assert low <= value <= high
