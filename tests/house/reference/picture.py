"""The folders in the picture of the architecture: in rows, so that each imports only those of rows below its own."""

import re
from collections.abc import Mapping, Set

from msgspec import Struct

from dev import ROOT
from tests.house import sources

FILE = ROOT / "docs" / "pictures" / "architecture.svg"
TOP, HEAD, MARGIN, GAP = 56, 28, 12, 6
"""In pixels: where a package begins, the height of its title, the space beside its folders, and that between them."""
LETTER, AROUND = 7, 16
"""The width of a letter, and what a folder has beside its name."""
LOWER_STOOD_AT = 402
"""How far down the packages reach if the part below them is not moved."""
PAGE_BELOW = 458
"""The height of that part."""
PURE = {"edge": {"stations", "archetypes"}}
PINS = {"edge": {"keeper"}}

Imports = Mapping[str, Set[str]]


class Column(Struct, frozen=True):
    """A package in the picture: where it stands, how wide it is, and the height of a folder. ``first`` is where its
    rows begin."""

    package: str
    title: str
    x: int
    width: int
    folder: int
    first: int = TOP + HEAD

    @property
    def pitch(self) -> int:
        return self.folder + (GAP if self.folder > 20 else 4)


COLUMNS = (
    Column("edge", "edge/ · runs on a Raspberry Pi", 20, 300, 26),
    Column("cloud", "cloud/ · once per community", 330, 260, 18),
    Column("firmware_sim", "firmware_sim/", 600, 180, 26, first=180),
)


def rooms(package: str) -> set[str]:
    """The folders of a package."""
    return {file.parent.name for file in (ROOT / package).glob("*/__init__.py")}


def imports_of(package: str) -> Imports:
    """Every folder of a package, with the others that it imports."""
    mine, edges = rooms(package), sources.import_edges(sources.module_graph())
    found: dict[str, set[str]] = {room: set() for room in mine}
    for module, others in edges.items():
        for other in others:
            at, to = module.split(".")[:2], other.split(".")[:2]
            if at[0] == to[0] == package and at[-1] in mine and to[-1] in mine and at != to:
                found[at[-1]].add(to[-1])
    return found


def in_rows(imports: Imports, width: int) -> list[list[str]]:
    """The folders from top to bottom, as many in a row as have room: first those with most below them."""
    left, rows = dict(imports), []
    while left:
        free = [room for room in left if not any(room in others for others in left.values())]
        free.sort(key=lambda room: (-_depth(room, imports), room))
        row = [room for at, room in enumerate(free) if at == 0 or _wide(free[: at + 1]) <= width]
        rows.append(row)
        left = {room: others for room, others in left.items() if room not in row}
    return rows


def drawn() -> str:
    """The picture with the folders as they are."""
    text, rows = FILE.read_text("utf-8"), {}
    for column in COLUMNS:
        rows[column] = in_rows(imports_of(column.package), column.width - 2 * MARGIN)
    bottom = max(column.first + len(lines) * column.pitch for column, lines in rows.items()) + GAP
    for column, lines in rows.items():
        group = f'<g id="{column.package}">\n{_column(column, lines, bottom)}\n</g>'
        text = re.sub(rf'<g id="{column.package}">.*?</g>', group, text, flags=re.DOTALL)
    moved = bottom - LOWER_STOOD_AT
    height = LOWER_STOOD_AT + PAGE_BELOW + moved
    text = re.sub(r'<g transform="translate\(0 \d+\)">', f'<g transform="translate(0 {moved})">', text)
    text = re.sub(
        r'viewBox="0 0 800 \d+" width="800" height="\d+"', f'viewBox="0 0 800 {height}" {_size(height)}', text
    )
    return re.sub(r'(<rect class="ground") width="800" height="\d+"', rf"\1 {_size(height)}", text)


def _size(height: int) -> str:
    return f'width="800" height="{height}"'


def _depth(room: str, imports: Imports) -> int:
    return 1 + max((_depth(other, imports) for other in imports[room]), default=0)


def _wide(row: list[str]) -> int:
    return sum(len(room) * LETTER + AROUND for room in row) + GAP * (len(row) - 1)


def _column(column: Column, rows: list[list[str]], bottom: int) -> str:
    lines = [
        f'<rect class="package" x="{column.x}" y="{TOP}" width="{column.width}" height="{bottom - TOP}" rx="10"/>',
        f'<text class="title" x="{column.x + MARGIN}" y="{TOP + 18}">{column.title}</text>',
    ]
    for at, row in enumerate(rows):
        y = column.first + at * column.pitch
        spare = (column.width - 2 * MARGIN - _wide(row)) / len(row)
        x = float(column.x + MARGIN)
        for room in row:
            width = len(room) * LETTER + AROUND + spare
            kind = "".join(
                f" {name}" for name, of in (("pure", PURE), ("pins", PINS)) if room in of.get(column.package, ())
            )
            box = f'x="{x:.0f}" y="{y}" width="{width:.0f}" height="{column.folder}"'
            lines.append(f'<rect class="folder{kind}" {box} rx="6"/>')
            text_y = y + (17 if column.folder > 20 else 14)
            lines.append(f'<text class="name" x="{x + width / 2:.0f}" y="{text_y}">{room}</text>')
            x += width + GAP
    return "\n".join(lines)
