"""``hearthgate-sim panel``: the panel for boards that others started, such as the services of docker-compose.yml."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from contract.phrases import Phrase
from firmware_sim.control.control import BoardControl
from firmware_sim.panel.app import create_panel
from firmware_sim.panel.world import Card, Part, Plug, Status, ask_agent
from firmware_sim.parts.hardware import ControlError

NOT_HERE = (
    "this panel reaches the board alone: stop or start its service instead 本面板只连接模拟板，请停止或启动相应的服务"
)


class BoardAlone:
    """One device by its folder of sockets: the board's ``control.sock`` and the agent's ``agent.sock``, which may lie
    in ``run`` as in the folder of ``hearthgate-sim device``. Its cable and its processes are not in our hands."""

    def __init__(self, name: str, run: Path, label: Phrase) -> None:
        self.name, self.label = name, label
        self.control = BoardControl(run / "control.sock")
        self._runs: dict[Part, bool] = {"cable": True, "agent": False, "keeper": False}
        self.plugs: dict[Part, Plug] = {
            part: Plug(partial(self._runs.__getitem__, part), _refuse, _refuse) for part in self._runs
        }
        self._agent = [run / "agent.sock", run / "run" / "agent.sock"]

    async def status(self) -> Status | None:
        """What the agent says of itself, which also tells who runs; None if it is not there to ask."""
        status = await ask_agent(next(filter(Path.exists, self._agent), self._agent[0]))
        self._runs |= {"agent": status is not None, "keeper": bool(status and status["keeper"])}
        return status


async def _refuse() -> None:
    raise ControlError(NOT_HERE)


class PanelServer(uvicorn.Server):
    """Ends the live streams when it is told to stop: it would wait for them in vain."""

    def __init__(self, panel: FastAPI, host: str, port: int) -> None:
        super().__init__(uvicorn.Config(panel, host=host, port=port, log_level="warning", timeout_graceful_shutdown=1))
        self._end_streams = panel.state.end_streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._end_streams()
        super().handle_exit(sig, frame)


def serve_panel(
    runs: Mapping[str, Path], labels: Mapping[str, Phrase], cards: Sequence[Card], host: str, port: int
) -> None:
    """Serve the panel of the devices by their folders of sockets, until SIGTERM or SIGINT."""
    devices = {name: BoardAlone(name, run, labels.get(name, Phrase(name, name))) for name, run in runs.items()}
    PanelServer(create_panel(devices, cards), host, port).run()
