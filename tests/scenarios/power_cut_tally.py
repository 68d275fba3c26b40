"""How often the power is cut, and what was found by all the starts that followed."""

from collections import Counter

from firmware_sim.disk.model import BROKEN, HONEST, Cut, PowerCut
from firmware_sim.worlds.virtual.power_cuts import Finding

PLAN = dict.fromkeys(HONEST, 1) | {Cut.REORDERED: 2}
DAMAGE = dict.fromkeys(BROKEN, 2)


class Tally:
    """Findings over many images. Complaints are told with the place of the first one of each sort."""

    def __init__(self) -> None:
        self.images: Counter[Cut] = Counter()
        self.set_aside = 0
        self.lost: list[int] = []
        self.complaints: dict[str, str] = {}

    def add(self, power_cut: PowerCut, finding: Finding) -> None:
        self.images[power_cut.cut] += 1
        self.set_aside += finding.set_aside
        if power_cut.cut in HONEST:
            self.lost.append(finding.lost)
        for complaint in finding.complaints:
            self.complaints.setdefault(complaint, f"{power_cut.cut} after {power_cut.done} operations")

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {cut}" for cut, count in self.images.items())
        text = f"{counts}; {self.set_aside} set aside"
        if self.lost:
            text += f"; rows lost: {max(self.lost)} at most, {sum(self.lost) / len(self.lost):.2f} in the mean"
        return text
