"""The how-tos, typed as they stand, by somebody who has no sample: each ends with a card that opens a door.

The lines are read from the pages, with this machine's folders, ports and keys in the places of the page's own.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from dev import ROOT
from edge.config.device_config import load
from edge.identity.identity import Identity
from firmware_sim.control.control import BoardControl
from firmware_sim.worlds.demo.brokers import free_port, start_broker
from firmware_sim.worlds.demo.community import DevicePrograms
from firmware_sim.worlds.demo.processes import Program, scripts
from firmware_sim.worlds.demo.samples import configured
from tests.house import commands

pytestmark = pytest.mark.usefixtures("mosquitto")
WITHIN_S = 90.0
CARD = "H10301:21:15890"


class Typist:
    """Somebody who types a page's lines, and the programs that they started."""

    def __init__(self, page: str, folder: Path, places: Mapping[str, str]) -> None:
        text = (ROOT / "docs" / "how-to" / page).read_text()
        self._lines = [
            words for block in commands.blocks(text) for line in block.lines for words in commands.commands(line)
        ]
        self._folder, self._places = folder, dict(places)
        self.programs: list[Program] = []

    def line(self, *begins: str) -> list[str]:
        """The page's line that begins so, for this machine."""
        words = next(words for words in self._lines if words[: len(begins)] == list(begins))
        return [*(self._here(word) for word in words[:1]), *(self._put(word) for word in words[1:])]

    def _here(self, program: str) -> str:
        return scripts(program) if program.startswith("hearthgate-") else program

    def _put(self, word: str) -> str:
        for page_s, ours in self._places.items():
            word = word.replace(page_s, ours)
        return word

    async def types(self, *begins: str, more: tuple[str, ...] = ()) -> str:
        """What the command of that line says."""
        typed = await asyncio.create_subprocess_exec(
            *self.line(*begins), *more, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(typed.communicate(), WITHIN_S)
        assert typed.returncode == 0, said.decode()
        return said.decode()

    async def leaves_running(self, *words: str, name: str) -> None:
        program = Program(name, words, self._folder / f"{name}.log")
        self.programs.append(program)
        await program.start()

    async def starts(self, *begins: str, name: str, more: tuple[str, ...] = ()) -> None:
        await self.leaves_running(*self.line(*begins), *more, name=name)

    async def ends(self) -> None:
        for program in reversed(self.programs):
            await program.stop()


class Operator:
    """The administrator at the console."""

    def __init__(self, url: str, password: str, authority: Path | None = None) -> None:
        verify = ssl.create_default_context(cafile=authority) if authority else True
        self.web = httpx.AsyncClient(base_url=url, verify=verify, timeout=20)
        self._password = password

    async def logs_in(self) -> None:
        await until(self._answers)
        await self.submits("/login", "/login", name="admin", password=self._password)

    async def submits(self, path: str, on: str, **fields: str) -> str:
        """The page that a form leads to."""
        (token, *_) = re.findall(r'name="csrf" value="([^"]+)"', (await self.web.get(on)).text)
        answer = await self.web.post(path, data={"csrf": token, **fields})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def enrols(self, **person: str) -> None:
        """A person, and the card."""
        page = await self.submits("/people", "/people", name_en="Li Si", **person)
        number = re.findall(r"/people/(\d+)", page)[0]
        fields = {"format": "H10301", "facility": "21", "number": "15890"}
        await self.submits(f"/people/{number}/cards", f"/people/{number}", **fields)

    async def _answers(self) -> bool:
        try:
            return (await self.web.get("/health/live")).status_code == 200
        except httpx.TransportError:
            return False


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await condition():
            await asyncio.sleep(0.05)


async def opens(control: BoardControl, reader: str, operator: Operator) -> None:
    """Hold the card to the reader until the console says that it opened; the first roster may still be on its way."""

    async def opened() -> bool:
        await control.tap(reader, CARD)
        return "access.allowed" in (await operator.web.get("/api/v1/events")).text

    await until(opened)


def written(folder: Path, sample: str, name: str, zone: str, broker: str) -> Path:
    """The device's file, as the page says to edit it."""
    folder.mkdir()
    config = folder / "device.toml"
    config.write_text(configured(sample, site="moon-court", name=name, zone=zone, broker=broker))
    return config


@asynccontextmanager
async def installed(config: Path, typist: Typist) -> AsyncIterator[BoardControl]:
    """Board, keeper and agent of the device."""
    device = DevicePrograms(config.parent, load(config), seed=1, people=False)
    try:
        await device.start()
        yield device.control
    finally:
        await device.stop()


@pytest.mark.long(10)
def test_adopting_a_device_ends_with_an_open_door(tmp_path: Path) -> None:
    """Its zone is nobody's at first: the console says so after the adoption, and one press opens it."""
    asyncio.run(adopt_and_tap(tmp_path))


async def adopt_and_tap(tmp_path: Path) -> None:
    port, console = free_port(), free_port()
    url = f"https://127.0.0.1:{console}"
    typist = Typist(
        "adopt-a-device.md",
        tmp_path,
        {
            "/var/lib/hearthgate-cloud": str(tmp_path / "cloud"),
            "mqtts://localhost:8883": f"mqtts://localhost:{port}",
            "https://cloud.example:8400": url,
            "cloud.example": "127.0.0.1",
            "0.0.0.0": "127.0.0.1",
        },
    )
    try:
        (password,) = re.findall(r"password (\S+)", await typist.types("hearthgate-cloud", "init"))
        ours = ("--port", str(port), "--bind", "127.0.0.1")
        said = await typist.types("hearthgate-cloud", "broker-config", more=ours)
        (fingerprint,) = re.findall(r"authority: ([0-9a-f]{64})", said)
        await typist.starts("sh", name="broker")
        await typist.starts("hearthgate-cloud", "serve", name="cloud", more=("--port", str(console)))
        operator = Operator(url, password, tmp_path / "cloud" / "keys" / "ca.crt")
        await operator.logs_in()

        config = written(tmp_path / "gate", "door", "north-gate", "north-court", f"mqtts://127.0.0.1:{port}")
        adopting = typist.line("hearthgate-edge", "adopt")
        adopting[adopting.index("--ca") + 1] = fingerprint
        await typist.leaves_running(*adopting, "--config", str(config), name="adopt")
        await until(lambda: waits(operator))
        said = (tmp_path / "adopt.log").read_text()
        (code,) = re.findall(r"code of [a-z -]+ is +([0-9A-Z-]+)", said)
        page = await operator.submits("/adoptions", "/adoptions", code=code, place="new", name="north-gate")
        page = (await operator.web.get(page)).text
        assert "its wiring names them: north-court" in page
        assert 'id="closed-north-court"' in page
        await operator.submits("/zones/north-court/plans", "/adoptions", plan="resident", hours="always")
        await operator.enrols(unit="2-502")
        await until(lambda: has_ended(typist.programs[-1]))
        async with installed(config, typist) as control:
            await opens(control, "north-gate.in", operator)
        await operator.web.aclose()
    finally:
        await typist.ends()


async def waits(operator: Operator) -> bool:
    return "/refuse" in (await operator.web.get("/adoptions")).text


async def has_ended(program: Program) -> bool:
    return not program.running


@pytest.mark.long(6)
def test_one_turnstile_ends_with_an_arm_that_turns(tmp_path: Path) -> None:
    asyncio.run(register_and_tap(tmp_path))


async def register_and_tap(tmp_path: Path) -> None:
    broker, console = start_broker(tmp_path / "broker", kind="mosquitto"), free_port()
    mqtt = f"mqtt://127.0.0.1:{broker.port}"
    config = written(tmp_path / "gym", "turnstile", "gym-turnstile", "gym", mqtt)
    typist = Typist(
        "one-turnstile.md",
        tmp_path,
        {
            "/var/lib/hearthgate-cloud": str(tmp_path / "cloud"),
            "/etc/hearthgate/device.toml": str(config),
            "04a1b2c3": Identity(load(config).keys).public_key,
            "for-the-turnstile": str(load(config).keys),
        },
    )
    try:
        (password,) = re.findall(r"password (\S+)", await typist.types("hearthgate-cloud", "init"))
        more = ("--port", str(console), "--broker", mqtt)
        await typist.starts("hearthgate-cloud", "serve", name="cloud", more=more)
        said = await typist.types("hearthgate-cloud", "device", "add")
        assert "gym-turnstile is registered" in said
        assert "nobody gets in" not in said
        operator = Operator(f"http://127.0.0.1:{console}", password)
        await operator.logs_in()
        await operator.enrols(plan="staff")
        async with installed(config, typist) as control:
            await opens(control, "gym-turnstile.in", operator)
        assert "access.allowed" in await typist.types("hearthgate-edge", "journal", "tail")
        await operator.web.aclose()
    finally:
        await typist.ends()
        broker.stop()
