"""The host of the keeper: a keeper goes by one wiring for life, and a new wiring has the host replace it."""

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable

from edge.config.device_config import DeviceConfig
from edge.config.wiring import NoSuchWiring, Wirings
from edge.keeper.inputs import PinFactory
from edge.keeper.keeper import Keeper
from edge.keeper.latch import Latch
from edge.keeper.protocol import NotReloaded, Reload, ToAgent, ToKeeper

log = logging.getLogger(__name__)


class _NoPins(Exception):
    """Neither the new pins nor the former ones can be had. The text is a sentence."""


class KeeperHost:
    """Whichever ``keeper`` there is, by the wiring in force at the start. What it cannot take, it reports by ``tell``.

    ``pins_lost`` is called, with a sentence, when not even the former pins can be had again: then there is no keeper
    any more, and only a new process may find them free."""

    def __init__(
        self,
        wirings: Wirings,
        factory: PinFactory,
        loop: AbstractEventLoop,
        tell: Callable[[ToAgent], None],
        pins_lost: Callable[[str], object],
    ) -> None:
        self._wirings, self._factory, self._loop, self._tell = wirings, factory, loop, tell
        self._pins_lost = pins_lost
        self._latch = Latch(wirings.local.state / "latch.json")
        in_force = wirings.in_force()
        if in_force.rotten:
            log.error("the device's own file rules: %s", in_force.rotten)
        self._config = in_force.config
        self.keeper = self._keeper(self._config)

    def handle(self, message: ToKeeper) -> None:
        """Follow an order of the agent, or refuse it with the reason."""
        if isinstance(message, Reload):
            self._reload(message.wiring)
        else:
            self.keeper.handle(message)

    def agent_gone(self) -> None:
        self.keeper.agent_gone()

    def _reload(self, wiring: str) -> None:
        try:
            why = self._replace(self._wirings.find(wiring))
        except NoSuchWiring as wrong:
            why = str(wrong)
        except _NoPins as lost:
            self._pins_lost(str(lost))
            return
        if why:
            log.error("the wiring %s is not taken: %s", wiring, why)
            self._tell(NotReloaded(wiring, why))
        self._tell(self.keeper.snapshot())

    def _replace(self, config: DeviceConfig) -> str:
        """Let every pin go and take those of another wiring. Returns why that is not possible; then the former ones
        are taken again. Raises ``_NoPins``."""
        log.info("the wiring %s takes the place of %s", config.hash, self._config.hash)
        self.keeper.close()
        try:
            self.keeper = self._keeper(config)
        except Exception as wrong:  # noqa: BLE001 - whatever the new pins do to their library: the old ones return
            self._restore()
            return f"The keeper could not take its pins: {wrong}."
        self._config = config
        return ""

    def _restore(self) -> None:
        try:
            self.keeper = self._keeper(self._config)
        except Exception as wrong:
            raise _NoPins(f"The keeper could not take its former pins again: {wrong}.") from wrong

    def _keeper(self, config: DeviceConfig) -> Keeper:
        return Keeper(config, self._factory, self._latch, self._loop, self._tell)
