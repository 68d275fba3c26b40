"""Adoption from the device's side, at a real cloud: what it believes, what it writes, and that it may be run again."""

import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from cloud.fleet.adoption import Adoptions
from cloud.keys.ca import open_authority
from cloud.keys.keys import KeyFolder
from cloud.store.database import open_store
from edge.adoption import adopt
from edge.adoption.adopt import adopt_device, label_svg
from edge.adoption.cloud_client import NotAdopted
from edge.config.device_config import load
from edge.identity.identity import Identity
from tests.cloud.support.town import NOW_MS, Town
from tests.edge.support.rig import GATES

PLACE = {"name": "north-gate", "label_en": "North gate", "zone": "estate"}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    store = open_store(f"sqlite:///{tmp_path / 'cloud.db'}")
    with Town(store, KeyFolder.create(tmp_path / "cloud-keys")) as opened:
        yield opened
    store.close()


class Pi:
    """A machine on which somebody types `hearthgate-edge adopt`, and the operator who hears of it."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.folder = town, folder
        self.again = False
        self.config, self.keys = folder / "device.toml", folder / "keys"
        self.keys_named: Path | None = self.keys
        self.said: list[str] = []
        self.told: dict[str, object] = {}
        self.fingerprint = open_authority(town.keys.folder, NOW_MS).fingerprint

    @property
    def code(self) -> str:
        """The code that it showed last."""
        return str(re.findall(r"the code of [a-z -]+ is  (\S+)", "\n".join(self.said))[-1])

    def adopt(self, *, while_waiting: Callable[[], object], fingerprint: str = "", patience_s: float = 60.0) -> None:
        adopt_device(
            self.town.url,
            fingerprint or self.fingerprint,
            self.config,
            self.keys_named,
            None,
            patience_s,
            lambda text, values: self._say(text, dict(values)),
            lambda _: while_waiting(),
            self.again,
        )

    def _say(self, text: str, values: dict[str, object]) -> None:
        self.said.append(text)
        self.told.update(values)

    def confirm(self, **place: str) -> None:
        with self.town.visit("office") as operator:
            answer = operator.submit("/adoptions", "/adoptions", code=self.code, **(place or PLACE))
            assert answer.status_code == 303, answer.text

    def refuse(self) -> None:
        with self.town.visit("office") as operator:
            (path,) = re.findall(r'action="(/adoptions/[0-9a-f]+/refuse)"', operator.get("/adoptions").text)
            operator.submit(path, "/adoptions")

    def nobody(self) -> None:
        """No operator comes by."""


@pytest.fixture
def pi(town: Town, tmp_path: Path) -> Pi:
    (tmp_path / "pi").mkdir()
    return Pi(town, tmp_path / "pi")


def test_a_device_that_is_confirmed_has_its_keys_and_shows_nobody_else(pi: Pi) -> None:
    pi.adopt(while_waiting=pi.confirm)
    assert pi.code in pi.said[0]
    assert "adopted as north-gate" in pi.said[1]
    found = Identity(pi.keys).registration
    assert found is not None
    assert (found.digest_key, found.sync_key) == (pi.town.keys.digest, pi.town.keys.sync("north-gate"))
    assert found.config is not None
    assert found.command is not None
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in pi.keys.iterdir())
    certificate = x509.load_pem_x509_certificate((pi.keys / "certificate.pem").read_bytes())
    assert [one.value for one in certificate.subject] == ["north-gate"]
    assert 'site = "sunny-court", name = "north-gate"' in pi.said[2]


def test_a_device_without_a_configuration_keeps_its_keys_where_one_would(
    pi: Pi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adopt, "KEYS_FOLDER", str(pi.keys))
    pi.keys_named = None
    pi.adopt(while_waiting=pi.confirm)
    assert (pi.keys / "certificate.pem").exists()


def test_a_wrong_address_makes_no_key(pi: Pi) -> None:
    pi.town.url = "ftp://cloud.example"
    with pytest.raises(NotAdopted):
        pi.adopt(while_waiting=pi.nobody)
    assert not pi.keys.exists()


def test_run_again_it_says_so_and_changes_nothing(pi: Pi) -> None:
    pi.adopt(while_waiting=pi.confirm)
    before = {file.name: file.read_bytes() for file in pi.keys.iterdir()}
    pi.adopt(while_waiting=pi.nobody)
    assert "adopted already" in pi.said[-1]
    assert {file.name: file.read_bytes() for file in pi.keys.iterdir()} == before


def test_a_revoked_device_is_adopted_again_in_its_own_place(pi: Pi) -> None:
    pi.adopt(while_waiting=pi.confirm)
    revoked, code = (pi.keys / "certificate.pem").read_bytes(), pi.code
    with pi.town.visit("office") as operator:
        operator.submit("/devices/north-gate/lost", "/devices/north-gate/lost", reason="it seemed stolen")
    pi.again = True
    pi.adopt(while_waiting=lambda: pi.confirm(replace="north-gate"))
    assert (pi.keys / "certificate.pem").read_bytes() != revoked
    assert pi.code != code, "a code ends with the adoption"


def test_a_device_of_another_community_is_not_taken_for_adopted(pi: Pi) -> None:
    pi.adopt(while_waiting=pi.confirm)
    (pi.keys / "ca.crt").write_text("another authority")
    pi.adopt(while_waiting=pi.nobody)  # the answer still waits for it
    assert "adopted as north-gate" in pi.said[-2]


def test_a_refused_device_can_ask_again_at_once(pi: Pi) -> None:
    with pytest.raises(NotAdopted, match="run this again"):
        pi.adopt(while_waiting=pi.refuse)
    pi.adopt(while_waiting=pi.confirm)
    assert "adopted as north-gate" in pi.said[-2]


def test_half_of_a_second_bundle_is_not_taken_for_adopted(pi: Pi, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    pi.adopt(while_waiting=pi.confirm)
    pi.again = True
    with monkeypatch.context() as disk, pytest.raises(OSError, match="full"):
        disk.setattr(adopt, "write_whole", full)
        pi.adopt(while_waiting=pi.nobody)
    pi.again = False
    pi.adopt(while_waiting=pi.nobody)
    assert "adopted as north-gate" in pi.said[-2]


def test_stopped_while_it_waits_it_goes_on_with_the_same_code(pi: Pi) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pi.adopt(while_waiting=stop)
    code = pi.code
    pi.confirm()
    pi.adopt(while_waiting=pi.nobody)  # the answer waits for it
    assert (pi.code, "adopted as north-gate" in pi.said[-2]) == (code, True)


def test_a_power_cut_between_two_keys_is_mended_by_running_it_again(pi: Pi) -> None:
    pi.adopt(while_waiting=pi.confirm)
    for lost in ("certificate.pem", "sync.key", "ca.crt"):
        (pi.keys / lost).unlink()
    pi.adopt(while_waiting=pi.nobody)
    assert Identity(pi.keys).registration is not None


def test_nobody_waits_for_ever_and_a_request_that_ran_out_is_made_anew(pi: Pi) -> None:
    def much_later() -> None:
        pi.town.now_ms += 10 * 60_000

    with pytest.raises(NotAdopted, match="nobody has confirmed the code yet: run this again"):
        pi.adopt(while_waiting=much_later, patience_s=10)
    assert Identity(pi.keys).registration is None


def test_a_refused_device_says_so(pi: Pi) -> None:
    with pytest.raises(NotAdopted, match="the operator refused this device"):
        pi.adopt(while_waiting=pi.refuse)


def test_another_authority_than_the_one_named_is_not_asked(pi: Pi) -> None:
    with pytest.raises(NotAdopted, match="not the one that was typed"):
        pi.adopt(while_waiting=pi.nobody, fingerprint="00" * 32)
    with pi.town.visit("office") as operator:
        assert "No device is waiting" in operator.get("/adoptions").text


@pytest.mark.parametrize("typed", ["", "5f2c", "5f2c…", "0" * 63, "0" * 65, "g" * 64])
def test_what_can_be_no_fingerprint_is_refused_before_anybody_is_asked(pi: Pi, typed: str) -> None:
    pi.town.url = "https://127.0.0.1:9"
    with pytest.raises(NotAdopted, match="64 characters of 0-9 and a-f"):
        pi.adopt(while_waiting=pi.nobody, fingerprint=typed or " ")
    assert not pi.keys.exists()


def test_a_fingerprint_may_be_written_as_people_write_them(pi: Pi) -> None:
    pairs = [pi.fingerprint.upper()[at : at + 2] for at in range(0, 64, 2)]
    pi.adopt(while_waiting=pi.confirm, fingerprint=":".join(pairs))


@pytest.mark.parametrize(("characters", "told"), [(12_000, True), (14_000, False)])
def test_a_wiring_that_no_request_holds_is_not_told_and_the_device_says_so(pi: Pi, characters: int, told: bool) -> None:
    pi.config.write_text(GATES + f"\n# {'门' * 1_000}\n" * (characters // 1_000), encoding="utf-8")

    def look() -> None:
        (waiting,) = pi.town.app.state.services[Adoptions].waiting(NOW_MS)
        assert bool(waiting.wiring) is told
        pi.refuse()

    with pytest.raises(NotAdopted, match="refused"):
        pi.adopt(while_waiting=look)
    assert any("too long for the cloud" in line for line in pi.said) is not told


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cloud.example:8400", "plain HTTP goes to a loopback address only"),
        ("cloud.example", "write https://HOST:PORT"),
        ("https://me:s3cret@cloud.example:8400", "names and passwords are not used"),
        ("ftp://cloud.example", "write https://HOST:PORT"),
        ("https://cloud.example:seventy", "write https://HOST:PORT"),
        ("https://cloud.example:84000", "write https://HOST:PORT"),
        ("https://[cloud", "write https://HOST:PORT"),
        (f"https://{'c' * 64}.example", "label"),
        ("http://127.0.0.1:9", "127.0.0.1"),
        ("https://127.0.0.1:9", "127.0.0.1"),
    ],
)
def test_an_address_that_cannot_be_the_clouds_is_refused_with_its_cure(pi: Pi, url: str, why: str) -> None:
    pi.town.url = url
    with pytest.raises(NotAdopted, match=why):
        pi.adopt(while_waiting=pi.nobody)


def test_a_spare_is_wired_as_the_one_before_it(pi: Pi, tmp_path: Path) -> None:
    pi.config.write_text(GATES.replace('"gates"', '"north-gate"'))
    pi.adopt(while_waiting=pi.confirm)
    (tmp_path / "spare").mkdir()
    spare = Pi(pi.town, tmp_path / "spare")
    spare.adopt(while_waiting=lambda: spare.confirm(replace="north-gate"))
    assert spare.config.read_text() == pi.config.read_text()
    assert load(spare.config).device.name == "north-gate"


@pytest.mark.parametrize(
    ("run", "runs", "says"),
    [
        ("/run/hearthgate", False, "systemctl start hearthgate-keeper hearthgate-agent"),
        ("/run/hearthgate", True, "restart the agent of north-gate, which runs: systemctl restart"),
        ("run", False, "now start north-gate; a simulated device: hearthgate-sim device "),
        ("run", True, "now end north-gate, which runs, and start it again; a simulated device"),
    ],
)
def test_what_is_left_to_do_fits_the_agent(
    pi: Pi, monkeypatch: pytest.MonkeyPatch, run: str, runs: bool, says: str
) -> None:
    """Nobody restarts what was never started, and no unit starts a simulated device."""
    monkeypatch.setattr("edge.device.doctor.agent_status", lambda _run: {} if runs else None)
    pi.config.write_text(GATES.replace('"gates"', f'"north-gate"\nrun = "{run}"'))
    pi.adopt(while_waiting=pi.confirm)
    assert says in pi.said[-1]
    assert all("north-gate" in one for one in pi.said)
    assert (pi.told["code"], pi.told["device"], pi.told["next"]) == (pi.code, "north-gate", pi.said[-1])


def test_a_config_for_another_place_is_not_overruled(pi: Pi) -> None:
    pi.config.write_text(GATES)
    with pytest.raises(
        NotAdopted, match="the cloud calls this device north-gate of sunny-court: correct site and name"
    ):
        pi.adopt(while_waiting=pi.confirm)
    assert not (pi.keys / "certificate.pem").exists()
    assert pi.config.read_text() == GATES


def test_a_label_shows_the_code_to_read_and_to_scan() -> None:
    label = label_svg("4F7K-9Q2M-T0ZX", "https://cloud.example:8400/")
    assert ">4F7K-9Q2M-T0ZX</text>" in label
    assert label.count("<svg") == label.count("</svg>") == 2
