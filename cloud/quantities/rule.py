"""How a quantity is lent: what each device may give of it, and what is asked back for somebody elsewhere. Pure.

All of it is about one quantity of a holder in one period. The allowances that devices were lent are never more together
than the amount. A device only lowers its own; only here one is raised, with a new number.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from contract.messages import Lend, Usage
from contract.quantities import UseKey

ASK_STANDS_MS = 120_000
"""How long a wish counts that was not said again. A device repeats it every minute at least."""


class Share(Struct, frozen=True):
    """One device's part, as far as the cloud knows: its allowance and its number, and what was used there and given
    back. ``asked_ms`` is when it last asked for more, 0 if it does not; ``keep`` how much of the allowance it may keep
    if it is using it, None while nothing is asked back."""

    device: str
    number: int = 0
    allowance: int = 0
    used: int = 0
    returned: int = 0
    asked_ms: int = 0
    keep: int | None = None

    @property
    def net(self) -> int:
        """What is used, or in use."""
        return self.used - self.returned

    @property
    def claim(self) -> int:
        """What nobody else may be given."""
        return max(self.allowance, self.net)

    @property
    def spare(self) -> int:
        """What it may still give."""
        return max(0, self.allowance - self.net)

    @property
    def is_owing(self) -> bool:
        """Whether something is asked back that has not come yet."""
        return self.keep is not None and self.allowance > max(self.keep, self.net)


Shares = Mapping[str, Share]
"""By device."""


class Overrun(Struct, frozen=True):
    """What was used of a quantity in all, and by how much that is more than its amount."""

    used: int
    over: int


def after_usage(
    amount: int, shares: Shares, device: str, usage: Usage, now_ms: int, lost: Collection[str] = ()
) -> Shares:
    """The shares after a device said how it stands; those of ``lost`` devices give nothing any more."""
    left = {name: without(one) if name in lost else one for name, one in shares.items()}
    left[device] = stated(left.get(device, Share(device)), usage, now_ms)
    return settle(amount, left, now_ms)


def stated(share: Share, usage: Usage, now_ms: int) -> Share:
    """The share after its device said how it stands. A statement may be late or repeated: of what was used the most
    counts, of one allowance the least. A number above ours was given before this database was restored."""
    allowance, keep = share.allowance, share.keep
    if usage.number > share.number:
        allowance, keep = usage.allowance, None
    elif usage.number == share.number:
        allowance = min(allowance, usage.allowance)
    return replace(
        share,
        number=max(share.number, usage.number),
        allowance=allowance,
        used=max(share.used, usage.used),
        returned=max(share.returned, usage.returned),
        asked_ms=now_ms if usage.wants else 0,
        keep=keep,
    )


def without(share: Share) -> Share:
    """The share of a device that is lost: it gives nothing any more."""
    if not share.spare:
        return share
    return replace(share, allowance=share.net, number=share.number + 1, keep=None, asked_ms=0)


def settle(amount: int, shares: Shares, now_ms: int) -> Shares:
    """Give what is free to who asks, the newest first, and ask the others for what they may not need."""
    settled = dict(shares)
    asking = sorted((one for one in shares.values() if _asks(one, now_ms)), key=lambda one: -one.asked_ms)
    for device in [one.device for one in asking]:
        room = free_for(amount, settled, device)
        if room > settled[device].allowance:
            mine = settled[device]
            settled[device] = replace(mine, allowance=room, number=mine.number + 1, keep=None)
        for other in [one for one in settled.values() if one.device != device and one.spare]:
            if other.keep is None:
                settled[other.device] = replace(other, keep=other.net + other.spare // 2)
        if not any(one.is_owing for one in settled.values() if one.device != device):
            settled[device] = replace(settled[device], asked_ms=0)
    if not any(_asks(one, now_ms) for one in settled.values()):
        settled = {device: replace(one, keep=None) for device, one in settled.items()}
    return _without_excess(amount, settled)


def _without_excess(amount: int, shares: dict[str, Share]) -> Shares:
    """Ask back what is lent beyond the amount: somebody who was cut off gave a floor, or the plan gives less now."""
    excess = sum(one.claim for one in shares.values()) - amount
    for one in list(shares.values()):
        less = min(excess, one.spare)
        if less > 0:
            keep = one.allowance - less
            shares[one.device] = replace(one, keep=keep if one.keep is None else min(keep, one.keep))
            excess -= less
    return shares


def free_for(amount: int, shares: Shares, device: str) -> int:
    """How high the allowance of a device may be."""
    return amount - sum(one.claim for one in shares.values() if one.device != device)


def is_closed(amount: int, shares: Shares, device: str) -> bool:
    """Whether no other device has anything left, and all that there is has been lent."""
    others = [one for one in shares.values() if one.device != device]
    mine = shares.get(device, Share(device))
    return not any(one.spare for one in others) and free_for(amount, shares, device) <= mine.claim


def to_tell(before: Shares, after: Shares, speaker: str) -> Sequence[str]:
    """The devices that are to be told how they stand: who spoke, who was lent more, and who is asked for something."""
    return [
        device
        for device, one in after.items()
        if device == speaker or one.is_owing or one.number > (before[device].number if device in before else 0)
    ]


def is_used_up(amount: int, shares: Shares) -> bool:
    """Whether nobody is to be given any more of it. All devices are told when this begins, and give no floor then; and
    when it ends, because something was given back."""
    return sum(one.net for one in shares.values()) >= amount


def word(key: UseKey, amount: int, shares: Shares, device: str) -> Lend:
    """What a device is told."""
    one = shares.get(device, Share(device))
    return Lend(
        holder=key.holder,
        allotment=key.allotment,
        unit=key.unit,
        period=key.period,
        number=one.number,
        allowance=one.allowance,
        used=one.used,
        returned=one.returned,
        keep=one.keep if one.is_owing else None,
        closed=is_closed(amount, shares, device),
    )


def overrun(amount: int, shares: Shares) -> Overrun:
    used = sum(one.net for one in shares.values())
    return Overrun(used, max(0, used - amount))


def _asks(share: Share, now_ms: int) -> bool:
    return share.asked_ms > 0 and abs(now_ms - share.asked_ms) < ASK_STANDS_MS
