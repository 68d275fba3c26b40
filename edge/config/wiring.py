"""Which configuration a device goes by: its own file, or one that the cloud has sent and that has stood its trial.

What the cloud sent lies in the folder ``config`` of the state folder: each text under the name of its hash, and one
small record that says which of them is applied and which is on trial. A process that starts anew never goes by a
wiring on trial: if the machine stopped in the middle of one, that wiring is done with.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from msgspec import Struct, structs

from contract import codec
from contract.sealing import wiring_hash
from edge.config.complaints import Complaints
from edge.config.device_config import ConfigError, DeviceConfig, check, load
from edge.machine.files import write_whole

log = logging.getLogger(__name__)

SENT = "the wiring from the cloud"
"""What a complaint calls a text that is in no file that anybody knows."""
STOPPED = "The device stopped in the middle of the trial."
DROPPED = "Somebody at the device went back to its own file."


class SentWiring(Struct, frozen=True):
    """A wiring from the cloud: it came with the desired document ``number``, and since when it stands (UTC ms)."""

    hash: str
    number: int
    at_ms: int


class EndedWiring(Struct, frozen=True):
    """A wiring that is done with. It is not tried again for a document up to ``number``, or for any if that is None."""

    hash: str
    number: int | None
    why: str


class WiringRecord(Struct, frozen=True):
    """The file that says what became of wirings from the cloud. Without ``applied`` the device goes by its own file."""

    applied: SentWiring | None = None
    trial: SentWiring | None = None
    ended: EndedWiring | None = None


class Trial(Struct, frozen=True):
    """The state of a device before it tried a wiring, to which it must come up again: its roster, and whether its link
    was up."""

    number: int
    roster: int
    link_was_up: bool


class ActiveWiring(Struct, frozen=True):
    """The configuration that rules. ``copy`` is None for the device's own file; ``rotten`` is why an applied one could
    not be used."""

    config: DeviceConfig
    copy: SentWiring | None = None
    rotten: str = ""

    @property
    def source(self) -> Literal["local", "cloud"]:
        return "local" if self.copy is None else "cloud"


class AgentRun(Struct, frozen=True):
    """The configuration of one run of the agent, and what it tries. ``ended`` is a trial that nobody saw the end of, or
    an applied wiring that could not be read: it is to be told."""

    chosen: ActiveWiring
    trial: Trial | None = None
    ended: EndedWiring | None = None


class NoSuchWiring(LookupError):
    """There is no such wiring, or it is damaged. The text is a sentence."""


class Wirings:
    """The wirings of one device. Keeper and agent both read them; only the agent writes.

    The record in memory is what counts: a disk that does not take it makes the next start go back, never forward.
    """

    def __init__(self, local: DeviceConfig) -> None:
        self.local = local
        self._folder = local.state / "config"
        self._path = self._folder / "record.json"
        self._damage = ""
        self.record = self._read_record()

    def in_force(self) -> ActiveWiring:
        """The applied wiring if there is one and it is sound, else the device's own file. Never one on trial."""
        copy = self.record.applied
        if copy is None:
            return ActiveWiring(self.local, rotten=self._damage)
        try:
            return ActiveWiring(self._sound(copy.hash), copy)
        except NoSuchWiring as wrong:
            return ActiveWiring(self.local, rotten=str(wrong))

    def on_trial(self) -> ActiveWiring:
        """The wiring on trial. Raises ``NoSuchWiring``."""
        copy = self.record.trial
        if copy is None:
            raise NoSuchWiring("No wiring is on trial.")
        config = self.find(copy.hash)
        return ActiveWiring(config, None if config is self.local else copy)

    def text_of(self, chosen: ActiveWiring) -> str:
        """The text that rules. Raises ``OSError``."""
        path = self._folder / f"{chosen.config.hash}.toml" if chosen.copy else self.local.path
        return path.read_bytes().decode()

    def find(self, name: str) -> DeviceConfig:
        """The wiring of that hash. Raises ``NoSuchWiring``."""
        if name == self.local.hash:
            return self.local
        with suppress(ConfigError):
            again = load(self.local.path)  # somebody may have edited it since this process began
            if again.hash == name:
                return again
        return self._sound(name)

    def check(self, text: str) -> DeviceConfig:
        """The configuration of a text that the cloud has sent. Raises ``ConfigError`` if it is not sound, or if it
        would change who the device is.

        The tables ``device`` and ``cloud`` say whose orders count, where everything is kept, and which program may
        restart the machine: whoever may change them from afar could take the device away from everybody else. And
        nobody knows that a fire frees a door but who has tested it there, so ``emergency`` is changed there too.
        """
        config = check(text, self.local.path, named=SENT)
        for key in _changed(self.local, config):
            problem = "this is changed at the device itself; write what stands there"
            raise ConfigError(Complaints(SENT, text).line(key, problem))
        return config

    def begin(self, text: str, number: int, at_ms: int) -> None:
        """Write a wiring down that is about to be tried; an empty text is the device's own file. Raises ``OSError``,
        and then nothing has begun."""
        name = wiring_hash(text.encode()) if text else self.local.hash
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if text:
            write_whole(self._folder / f"{name}.toml", text.encode())
        self._write(structs.replace(self.record, trial=SentWiring(name, number, at_ms)))

    def commit(self, at_ms: int) -> None:
        """The wiring on trial is good: it is in force from now on. Raises ``OSError``; then it is not."""
        trial = self.record.trial
        if trial is None:
            return
        own = trial.hash == self.local.hash
        self._write(WiringRecord(applied=None if own else structs.replace(trial, at_ms=at_ms)))
        self._tidy()

    def revert(self, why: str) -> None:
        """The wiring on trial is not good, and not to be tried again on the same document."""
        trial = self.record.trial
        if trial is not None:
            self.record = structs.replace(self.record, trial=None, ended=EndedWiring(trial.hash, trial.number, why))
            try:
                self._write(self.record)
            except OSError as wrong:
                log.error("%s cannot be written: the next start will go back again: %s", self._path, wrong.strerror)

    def drop(self) -> None:
        """Go back to the device's own file. What was applied is not taken again, whatever document asks for it.
        Raises ``OSError``."""
        self.revert(STOPPED)
        if self.record.applied is not None:
            self._write(WiringRecord(ended=EndedWiring(self.record.applied.hash, None, DROPPED)))
            self._tidy()

    def ended(self, name: str, number: int) -> str:
        """Why this wiring is not to be tried for this document; empty if it may be."""
        ended = self.record.ended
        if ended is None or ended.hash != name or (ended.number is not None and ended.number < number):
            return ""
        return ended.why

    def _sound(self, name: str) -> DeviceConfig:
        """The text of that name. Raises ``NoSuchWiring``."""
        path = self._folder / f"{name}.toml"
        try:
            text = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as wrong:
            raise NoSuchWiring(f"{path} cannot be read: {getattr(wrong, 'strerror', None) or wrong}.") from None
        if wiring_hash(text.encode()) != name:
            raise NoSuchWiring(f"{path} is not the text it was.")
        try:
            return self.check(text)
        except ConfigError as wrong:
            raise NoSuchWiring(str(wrong)) from None

    def _read_record(self) -> WiringRecord:
        try:
            return codec.read(self._path.read_bytes(), WiringRecord)
        except FileNotFoundError:
            return WiringRecord()
        except (OSError, codec.Malformed) as wrong:
            self._damage = f"{self._path} is damaged: {wrong}."
            return WiringRecord()

    def _write(self, record: WiringRecord) -> None:
        write_whole(self._path, codec.write(record))
        self.record, self._damage = record, ""

    def _tidy(self) -> None:
        """Texts that nobody will ask for again. One that cannot be deleted is in nobody's way."""
        in_use = {copy.hash for copy in (self.record.applied, self.record.trial) if copy is not None}
        for path in self._folder.glob("*.toml"):
            if path.stem not in in_use:
                with suppress(OSError):
                    path.unlink()


def first_run(wirings: Wirings) -> AgentRun:
    """Of an agent that starts: a trial that it finds under way is over."""
    trial = wirings.record.trial
    wirings.revert(STOPPED)
    chosen = wirings.in_force()
    if trial is not None:
        return AgentRun(chosen, ended=wirings.record.ended)
    if not chosen.rotten:
        return AgentRun(chosen)
    log.error("the device's own file rules: %s", chosen.rotten)
    applied = wirings.record.applied or SentWiring("", 0, 0)
    return AgentRun(chosen, ended=EndedWiring(applied.hash, applied.number, chosen.rotten))


def next_run(wirings: Wirings, trial: Trial | None) -> AgentRun:
    """Of an agent that starts over."""
    try:
        return AgentRun(wirings.on_trial(), trial) if trial else AgentRun(wirings.in_force())
    except NoSuchWiring as wrong:
        wirings.revert(str(wrong))
        return AgentRun(wirings.in_force(), ended=wirings.record.ended)


def _changed(own: DeviceConfig, sent: DeviceConfig) -> Iterator[str]:
    """The keys that differ, of those which are changed at the device alone."""
    for table, ours, theirs in (("device", own.device, sent.device), ("cloud", own.cloud, sent.cloud)):
        for name in ours.__struct_fields__:
            if getattr(ours, name) != getattr(theirs, name):
                yield f"{table}.{name}"
    if own.emergencies != sent.emergencies:
        yield "emergency[0]" if sent.emergencies else "emergency"
