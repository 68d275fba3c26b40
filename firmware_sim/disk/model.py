"""What a disk holds after its power was cut: whatever was synced, and of the rest only what chance had already written.

A log of what was done to the files of one folder is played to a ``Disk``, and at any point of it the disk is asked for
an image. It knows bytes and operations, and nothing of who wrote them.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from itertools import chain
from random import Random
from typing import NamedTuple

SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""
ERASE_BLOCK_BYTES = 16 * 1024
"""What a memory card erases at once, and may lose at once. Real ones are larger; then there is less left to judge."""
LAST_WRITES = 16


class Link(NamedTuple):
    """A name is given to a file, a new one or one that has another name."""

    name: str
    file: int


class Unlink(NamedTuple):
    """A name is taken away."""

    name: str


class Rename(NamedTuple):
    """A file gets another name, and what had that name is gone."""

    old: str
    new: str


class SyncFolder(NamedTuple):
    """All names are on the disk."""


class Write(NamedTuple):
    """Bytes at a place of a file."""

    file: int
    at: int
    data: bytes


class Truncate(NamedTuple):
    """A file is cut, or filled with zeros, to a size."""

    file: int
    size: int


class Sync(NamedTuple):
    """What was done to a file before the operation number ``covers`` is on the disk."""

    file: int
    covers: int


class FailedSync(NamedTuple):
    """A sync that ended in an error. The kernel takes what it could not write for written: no later sync helps it."""

    file: int


Change = Write | Truncate
Operation = Link | Unlink | Rename | SyncFolder | Change | Sync | FailedSync
Image = dict[str, bytes]


class Cut(StrEnum):
    """How much of what was not synced got to the disk."""

    ALL = "all"
    SYNCED = "synced"
    TORN = "torn"
    """All but the last write, of which some sectors are missing."""
    REORDERED = "reordered"
    """Any of the writes since the last sync, whole, in part or not at all."""
    ENTRY_LOST = "entry_lost"
    """All bytes, but the names as they were when the folder was last synced."""
    BLOCK_DAMAGED = "block_damaged"
    """All, but one of the last writes has spoilt what lay beside it."""
    SYNC_LIED = "sync_lied"
    """As ``REORDERED``, on a disk that now and then does nothing where it is told to sync."""


HONEST = (Cut.ALL, Cut.SYNCED, Cut.TORN, Cut.REORDERED, Cut.ENTRY_LOST)
"""What a disk may do that keeps its word: nothing that was synced is lost."""
BROKEN = (Cut.BLOCK_DAMAGED, Cut.SYNC_LIED)
"""What no software can make good: it can only notice."""


class PowerCut(NamedTuple):
    """The power went when ``done`` operations had been done, and this was left."""

    done: int
    cut: Cut
    image: Image


class DiskFile:
    """One file: as programs see it, as it is safely on the disk, and the changes that lie between the two."""

    def __init__(self, content: bytes = b"") -> None:
        self.seen = bytearray(content)
        self.landed = bytearray(content)
        self.under_way: list[tuple[int, Change]] = []


class Disk:
    """The files of one folder. With ``lies`` given, about one sync in four does nothing."""

    def __init__(self, before: Image, random: Random, *, lies: bool = False) -> None:
        self.done = 0
        self._random, self._lies = random, lies
        self._files = {number: DiskFile(content) for number, content in enumerate(before.values())}
        self._names = {name: number for number, name in enumerate(before)}
        self._names_landed = dict(self._names)
        self._names_synced = dict(self._names)
        self._naming: list[Link | Unlink | Rename] = []
        self._last: Change | None = None
        self._last_writes: deque[Write] = deque(maxlen=LAST_WRITES)

    def do(self, operation: Operation) -> None:
        match operation:
            case Link() | Unlink() | Rename():
                _name(self._names, operation)
                self._naming.append(operation)
                if isinstance(operation, Link):
                    self._files.setdefault(operation.file, DiskFile())
            case SyncFolder():
                self._names_landed = dict(self._names)
                self._names_synced = dict(self._names)
                self._naming.clear()
            case Sync():
                if not (self._lies and self._random.random() < 0.25):
                    self._land(operation)
            case FailedSync():
                self._lose_rest(self._files[operation.file])
            case Write() | Truncate():
                file = self._files[operation.file]
                apply(operation, file.seen)
                file.under_way.append((self.done, operation))
                self._last = operation
                if isinstance(operation, Write):
                    self._last_writes.append(operation)
        self.done += 1

    def image(self, cut: Cut) -> Image:
        """What the next start finds."""
        match cut:
            case Cut.ALL:
                return self._image(self._names, lambda file: file.seen)
            case Cut.SYNCED:
                return self._image(self._names_landed, lambda file: file.landed)
            case Cut.TORN:
                return self._image(self._names, self._with_torn_end)
            case Cut.REORDERED | Cut.SYNC_LIED:
                names = dict(self._names_landed)
                for naming in self._naming[: self._random.randint(0, len(self._naming))]:
                    _name(names, naming)
                return self._image(names, self._with_some)
            case Cut.ENTRY_LOST:
                return self._image(self._names_synced, lambda file: file.seen)
            case Cut.BLOCK_DAMAGED:
                write = self._random.choice(self._last_writes) if self._last_writes else None
                return self._image(self._names, partial(self._with_damage, write))

    def _image(self, names: Mapping[str, int], content: Callable[[DiskFile], bytearray]) -> Image:
        return {name: bytes(content(self._files[number])) for name, number in names.items()}

    def _land(self, sync: Sync) -> None:
        file = self._files[sync.file]
        for done, change in file.under_way:
            if done < sync.covers:
                apply(change, file.landed)
        file.under_way = [(done, change) for done, change in file.under_way if done >= sync.covers]
        self._land_names(sync.file)

    def _land_names(self, file: int) -> None:
        """A journaling file system writes the name of a new file with its content, and names only in their order."""
        given = [n for n, naming in enumerate(self._naming, 1) if isinstance(naming, Link) and naming.file == file]
        landed = max(given, default=0)
        for naming in self._naming[:landed]:
            _name(self._names_landed, naming)
        del self._naming[:landed]

    def _lose_rest(self, file: DiskFile) -> None:
        """Some of what was under way got there; the rest never will."""
        for _, change in file.under_way:
            for part in self._torn(change):
                apply(part, file.landed)
        file.under_way.clear()

    def _with_torn_end(self, file: DiskFile) -> bytearray:
        if not file.under_way or file.under_way[-1][1] is not self._last:
            return file.seen
        content = bytearray(file.landed)
        for change in chain((change for _, change in file.under_way[:-1]), self._torn(self._last)):
            apply(change, content)
        return content

    def _with_some(self, file: DiskFile) -> bytearray:
        content = bytearray(file.landed)
        for _, change in file.under_way:
            match self._random.randrange(3):
                case 0:
                    apply(change, content)
                case 1:
                    for part in self._torn(change):
                        apply(part, content)
        return content

    def _with_damage(self, write: Write | None, file: DiskFile) -> bytearray:
        if write is None or self._files[write.file] is not file:
            return file.seen
        content = bytearray(file.seen)
        start = write.at - write.at % ERASE_BLOCK_BYTES
        end = min(start + ERASE_BLOCK_BYTES, len(content))
        fill = self._random.choice([b"\x00", b"\xff", b"\xa5"])
        for spoilt in (range(start, write.at), range(write.at + len(write.data), end)):
            content[spoilt.start : spoilt.start + len(spoilt)] = fill * len(spoilt)
        return content

    def _torn(self, change: Change) -> Iterator[Change]:
        """Some sectors of a write. A truncation is whole or not there."""
        if isinstance(change, Truncate):
            yield from [change] * self._random.randrange(2)
            return
        start = change.at - change.at % SECTOR_BYTES
        for sector in range(start, change.at + len(change.data), SECTOR_BYTES):
            if self._random.randrange(2):
                at = max(sector, change.at)
                yield Write(change.file, at, change.data[at - change.at : sector + SECTOR_BYTES - change.at])


def power_cuts(
    before: Image, operations: Sequence[Operation], images: Mapping[Cut, int], seed: str, *, every: int = 1
) -> Iterator[PowerCut]:
    """Cut the power before the first operation and behind each one, or behind every so many-th.

    At each place so many images of each kind are made; one that came there before, as of another kind, is left out.
    """
    honest = Disk(before, Random(f"{seed}/honest"))
    lying = Disk(before, Random(f"{seed}/lying"), lies=True)
    for done in range(len(operations) + 1):
        if done:
            honest.do(operations[done - 1])
            lying.do(operations[done - 1])
        if done % every == 0:
            yield from _cuts_here(honest, lying, images)


def _cuts_here(honest: Disk, lying: Disk, images: Mapping[Cut, int]) -> Iterator[PowerCut]:
    made: list[Image] = []
    for cut, count in images.items():
        disk = lying if cut is Cut.SYNC_LIED else honest
        for _ in range(count):
            image = disk.image(cut)
            if image not in made:
                made.append(image)
                yield PowerCut(disk.done, cut, image)


def _name(names: dict[str, int], naming: Link | Unlink | Rename) -> None:
    match naming:
        case Link(name, file):
            names[name] = file
        case Unlink(name):
            names.pop(name, None)
        case Rename(old, new):
            if old in names:
                names[new] = names.pop(old)


def apply(change: Change, content: bytearray) -> None:
    """Do to a file's bytes what the change says."""
    match change:
        case Write(_, at, data):
            content.extend(bytes(max(0, at - len(content))))
            content[at : at + len(data)] = data
        case Truncate(_, size):
            del content[size:]
            content.extend(bytes(size - len(content)))
