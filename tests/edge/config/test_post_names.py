"""The names of posts, as their makers give them."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import device_config
from edge.config.post_names import POST_NAME_RULE, file_name, name_key, name_key_of_path

SAMPLE = (Path(__file__).parents[3] / "config" / "ev-post.toml").read_text()


def loaded(tmp_path: Path, *names: str) -> device_config.DeviceConfig:
    text = SAMPLE
    for before, name in zip(("yard-1", "yard-2"), names, strict=False):
        text = text.replace(f'post = "{before}"', f'post = "{name}"')
    file = tmp_path / "device.toml"
    file.write_text(text)
    return device_config.load(file)


@pytest.mark.parametrize(
    "name",
    [
        "yard-1",
        "GaroCS-0000AAAA00000",
        "EVB-P00000000",
        "CP_1",
        "TACW0000000G0000",
        "RDAM 123",
        "a.b",
        "DE*ABC*E1",
        "A|1",
        "4",
        "x" * 48,
    ],
)
def test_post_is_wired_by_its_own_name(tmp_path: Path, name: str) -> None:
    """Makers fix the name; it cannot be written otherwise to please us."""
    assert loaded(tmp_path, name).points[0].lines["ocpp"].post == name
    assert name_key_of_path(f"/ocpp/{quote(name)}?x=1") == name_key(name)


@pytest.mark.parametrize("name", ["", " a", "a ", "..", "-", "a/b", "a:b", "ä", "x" * 49, "a\\u0000b", "a%20b"])
def test_name_that_no_post_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(device_config.ConfigError) as wrong:
        loaded(tmp_path, name)
    assert POST_NAME_RULE in str(wrong.value)


def test_names_that_differ_by_case_are_one_name(tmp_path: Path) -> None:
    with pytest.raises(device_config.ConfigError, match="are one name"):
        loaded(tmp_path, "Yard", "yard")


@given(st.text("aZ9/.\\%2Fä \0~", max_size=20))
def test_file_of_a_post_stays_in_its_folder(name: str) -> None:
    assert "/" not in file_name(name)
    assert file_name(name).startswith("ocpp-")


def test_file_of_a_plain_name_is_as_before() -> None:
    """Passwords that were made before are found."""
    assert file_name("yard-1") == "ocpp-yard-1"
    assert file_name("RDAM 123") == file_name("rdam%20123") == "ocpp-rdam%20123"
