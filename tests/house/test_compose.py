"""docker-compose.yml: it asks for no rights it does not need, and what it starts becomes a community that works."""

import asyncio
import json
import re
import time

import httpx
import pytest

from dev import ROOT
from firmware_sim.worlds.demo.community import is_ready
from firmware_sim.worlds.demo.operator import Operator
from tests.house import commands, compose

SERVICES = compose.read()
DEVICES = {"gym": "gym-turnstile", "gate": "east-gate"}
SHOWN = re.compile(r"docker compose exec (?P<service>\S+)\s+#\s+(?P<command>.+)")
IN_IMAGES = {"sh", "test", "python", "sed", "broker.sh"}
"""What the images hold besides the programs of the project, and what init writes for the broker."""
each_service = pytest.mark.parametrize("name", SERVICES)
READY_WITHIN_S = 60.0


@each_service
def test_an_image_is_pinned_to_one_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", SERVICES[name]["image"])


def test_the_broker_is_new_enough() -> None:
    version = SERVICES["mosquitto"]["image"].removeprefix("eclipse-mosquitto:")
    assert tuple(map(int, version.split("."))) >= (2, 0, 22)


def test_our_image_stands_on_one_version_of_python() -> None:
    (stands_on,) = set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert re.fullmatch(r"python:3\.1[1234]\.\d+-slim-\w+", stands_on)


def test_our_image_installs_the_programs_without_the_tools() -> None:
    *_, shipped = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert re.findall(r"[\w-]+\.lock", shipped) == ["requirements.lock"] * 2


@each_service
def test_a_service_has_no_rights_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & set(service)
    assert service.get("network_mode", "service:mosquitto") in ("service:mosquitto", "none")
    assert "docker.sock" not in str(service.get("volumes"))
    assert service["cap_drop"] == ["ALL"]


def test_the_broker_runs_as_the_user_who_owns_its_folder() -> None:
    (number,) = re.findall(r"--uid (\d+)", (ROOT / "Dockerfile").read_text())
    assert SERVICES["mosquitto"]["user"] == number


def test_nobody_speaks_to_the_broker_without_tls() -> None:
    commands_of_all = [word for service in SERVICES.values() for word in compose.words(service["command"])]
    assert "mqtts://127.0.0.1:8883" in " ".join(commands_of_all)
    assert "--broker mqtt://" not in " ".join(commands_of_all)


def test_only_console_and_panel_are_reached_from_here() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"mosquitto": ["127.0.0.1:8400:8400", "127.0.0.1:8401:8401"]}


@each_service
def test_a_service_that_goes_on_is_started_again_and_asked_how_it_is(name: str) -> None:
    goes_on = "restart" in SERVICES[name]
    assert goes_on is ("healthcheck" in SERVICES[name])
    assert goes_on is not (name == "init" or name.endswith("-register"))


@each_service
def test_a_command_is_one_that_exists(name: str) -> None:
    named = [SERVICES[name]["command"], SERVICES[name].get("healthcheck", {}).get("test", ["CMD", "test"])[1:]]
    for command in map(compose.words, named):
        for one in commands_of(command):
            assert one[0] in IN_IMAGES or commands.complaint(one) is None, one


def commands_of(command: list[str]) -> list[list[str]]:
    """A command, or those of the script that it gives to a shell."""
    if command[0] != "sh":
        return [command]
    lines = command[-1].replace("\\\n", " ").splitlines()
    return [one for line in lines for one in commands.commands(line)]


@pytest.mark.long(11)
@pytest.mark.usefixtures("mosquitto")
def test_the_services_become_a_community_in_which_a_card_opens_and_the_cloud_knows(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    asyncio.run(a_card_opens_everywhere(compose.Town(tmp_path_factory.mktemp("town"))))


async def a_card_opens_everywhere(town: compose.Town) -> None:
    try:
        await town.start()
        for name in town.services:
            if "healthcheck" in town.services[name]:
                await town.healthy(name)
        for name in DEVICES:
            await ready(town, f"{name}-agent")
        (password,) = re.findall(r"operator admin, password (\S+)", town.said["init"])
        operator = Operator(f"http://127.0.0.1:{town.ports['8400']}", "admin", password)
        try:
            await operator.open()
            panel = await the_panel(town)
            assert [device for device in DEVICES.values() if f'action="/devices/{device}/' not in panel] == []
            for name, device in DEVICES.items():
                await a_card_opens(town, operator, name, device)
                assert await again(town, f"{name}-register") == (0, "")
            assert await again(town, "init") == (0, "")
        finally:
            await operator.close()
    finally:
        await town.stop()


async def the_panel(town: compose.Town) -> str:
    async with httpx.AsyncClient() as visitor:
        return (await visitor.get(f"http://127.0.0.1:{town.ports['8401']}/")).text


async def again(town: compose.Town, name: str) -> tuple[int, str]:
    """A service that has done its work does nothing at the next start."""
    return await town.run(name, town.services[name]["command"])


async def ready(town: compose.Town, name: str) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while not answers_ready(await town.run(name, [*town.services[name]["healthcheck"]["test"][1:], "--json"])):
            await asyncio.sleep(compose.LOOK_AGAIN_S)


def answers_ready(answer: tuple[int, str]) -> bool:
    code, said = answer
    return code == 0 and is_ready(json.loads(said))


async def a_card_opens(town: compose.Town, operator: Operator, name: str, device: str) -> None:
    """As the head of the file says that it is done, at each device."""
    (shown,) = SHOWN.finditer((ROOT / "docker-compose.yml").read_text())
    assert shown["service"] == "gym-board"
    began_ns = time.monotonic_ns()
    tap = shown["command"].replace(DEVICES["gym"], device)
    assert await town.run(f"{name}-board", tap) == (0, f"{device}.in read the card\n")
    seen = await operator.wait(lambda event: event["device"] == device and "reason" in event, since_ns=began_ns)
    assert (seen.event["kind"], seen.event["point"]) == ("access.allowed", device)
