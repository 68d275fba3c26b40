"""A post that is ready, and one that charges."""

from tests.edge.support.posts import ANNA, Rig

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def ready(**settings: object) -> Rig:
    rig = Rig(**settings)
    rig.connect()
    rig.records.clear()
    return rig


def charging(**settings: object) -> tuple[Rig, str]:
    rig = ready(**settings)
    number = rig.begin(ANNA).transaction
    rig.status("charging")
    rig.wait(15 * MINUTE_MS)
    rig.sent.clear()
    return rig, number
