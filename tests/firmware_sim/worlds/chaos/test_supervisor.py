"""Who looks after a program: starts it again whenever it ends, and tells a killing from a crash."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from firmware_sim.worlds.chaos.evidence import DIARY, Diary, read_diary
from firmware_sim.worlds.chaos.supervisor import Service
from firmware_sim.worlds.demo.processes import Program

PATIENCE_S = 20.0
STAYS = ["sleep", "600"]
Story = Callable[[Service], Coroutine[Any, Any, None]]


def looked_after(
    folder: Path, command: list[str], story: Story, before_start: Callable[[], None] = lambda: None
) -> None:
    async def main() -> None:
        diary = Diary(folder / DIARY)
        service = Service(Program("the cloud", command, folder / "log"), diary, before_start, restart_s=0.0)
        await service.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await story(service)
        finally:
            await service.end()
            diary.close()

    asyncio.run(main())


async def started(folder: Path, times: int) -> None:
    while [entry.what for entry in read_diary(folder)].count("started") < times:
        await asyncio.sleep(0)


def test_a_program_that_was_killed_is_started_again_and_killed_once(tmp_path: Path) -> None:
    lives: list[str] = []

    async def story(service: Service) -> None:
        service.kill()
        service.kill()
        await started(tmp_path, 2)
        assert service.program.running
        assert (service.kills, service.crashes) == (1, [])

    looked_after(tmp_path, STAYS, story, lambda: lives.append("between"))
    assert lives == ["between"]
    assert [entry.what for entry in read_diary(tmp_path)] == ["clocks", "started", "killed", "started"]


def test_a_program_that_ended_by_itself_has_crashed_and_its_last_words_are_kept(tmp_path: Path) -> None:
    async def story(service: Service) -> None:
        await started(tmp_path, 2)
        assert service.kills == 0
        assert service.crashes[0] == "the cloud ended by itself:\nno pins here"

    looked_after(tmp_path, ["sh", "-c", "echo no pins here >&2"], story)


def test_what_is_ended_stays_so(tmp_path: Path) -> None:
    async def story(service: Service) -> None:
        await service.end(kindly=False)
        assert not service.program.running

    looked_after(tmp_path, STAYS, story)
    assert [entry.what for entry in read_diary(tmp_path)] == ["clocks", "started"]
