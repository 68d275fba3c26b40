"""The panel of boards that others started: it sees who runs, and pulls no plug that is not in its hands."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contract.kinds import kind_of
from contract.phrases import Phrase
from firmware_sim.cli import app
from firmware_sim.panel import boards
from firmware_sim.panel.boards import BoardAlone
from firmware_sim.panel.world import Part
from firmware_sim.parts.hardware import ControlError
from tests.scenarios.fountain import write_fountain

LABEL = Phrase("健身房", "Gym")


@pytest.mark.parametrize("agents", [".", "run"])
def test_an_agent_is_seen_by_its_answer(tmp_path: Path, agents: str) -> None:
    """A service has both sockets in one folder; `hearthgate-sim device` gives the agent a folder of its own."""
    (tmp_path / "run").mkdir()

    async def story() -> None:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(json.dumps({"keeper": True}).encode())
            writer.close()

        device = BoardAlone("gym", tmp_path, LABEL)
        assert await device.status() is None
        assert [plug.is_in() for plug in device.plugs.values()] == [True, False, False]
        async with await asyncio.start_unix_server(answer, tmp_path / agents / "agent.sock"):
            assert await device.status() == {"keeper": True}
            assert [plug.is_in() for plug in device.plugs.values()] == [True, True, True]
        assert await device.status() is None
        assert [plug.is_in() for plug in device.plugs.values()] == [True, False, False]

    asyncio.run(story())


@pytest.mark.parametrize("act", ["pull", "put_back"])
@pytest.mark.parametrize("part", ["cable", "agent", "keeper"])
def test_no_plug_of_another_is_pulled(tmp_path: Path, part: Part, act: str) -> None:
    with pytest.raises(ControlError, match="its service instead"):
        asyncio.run(getattr(BoardAlone("gym", tmp_path, LABEL).plugs[part], act)())


@pytest.mark.parametrize("typed", ["gym", "=x", "gym="])
def test_a_device_is_a_name_and_a_folder(typed: str) -> None:
    done = CliRunner().invoke(app, ["panel", typed])
    assert done.exit_code == 2
    assert "NAME=FOLDER" in done.output


def test_the_panel_finds_kinds_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The points of a kind that lies in no package of ours are called by its words."""
    served: list[str] = []
    monkeypatch.setattr(boards, "serve_panel", lambda *_: served.append(kind_of("fountain").noun.one.en))
    write_fountain(tmp_path)
    done = CliRunner().invoke(app, ["panel", "park=run", "--kinds", str(tmp_path)])
    assert (done.exit_code, served) == (0, ["Fountain"])


def test_a_folder_without_kinds_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["panel", "park=run", "--kinds", str(tmp_path / "no")])
    assert done.exit_code == 2
    assert done.output.startswith(f"hearthgate-sim: {tmp_path / 'no'}")
