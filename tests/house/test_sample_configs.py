"""Every sample under config/ is one a person may copy: it loads as it stands."""

from pathlib import Path

import pytest

from dev import ROOT
from edge.config import device_config

SAMPLES = sorted((ROOT / "config").glob("*.toml"))


def test_there_are_samples() -> None:
    assert SAMPLES


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_loads(sample: Path) -> None:
    device_config.load(sample)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_with_a_slip_does_not_load(sample: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / sample.name
    spoilt.write_text(f'no_such_key = "x"\n{sample.read_text()}')
    with pytest.raises(device_config.ConfigError, match="no_such_key"):
        device_config.load(spoilt)
