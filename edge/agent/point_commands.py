"""The commands of operators to points: most go to the station as they are, some are weighed by the rule first."""

from msgspec.structs import replace

from contract.commands import COMMANDS, SessionStartArgs
from contract.decide import Mode
from contract.reasons import TABLE, Reason
from edge.agent.decider import Decider
from edge.agent.runner import Runner
from edge.archetypes.protocol import CommandReceived


def carry_out(runner: Runner, decider: Decider, received: CommandReceived) -> str:
    """Have a station do what its kind can be commanded to do. Returns a word for why not, an empty one if it does."""
    match received:
        case CommandReceived(op="open_once"):
            return _why_shut(runner, decider) or _hand_over(runner, received)
        case CommandReceived(args=SessionStartArgs(digest=digest)):
            return _start_session(runner, decider, received, bytes.fromhex(digest))
    return _hand_over(runner, received)


def _hand_over(runner: Runner, received: CommandReceived) -> str:
    return "" if runner.take(received) else COMMANDS[received.op].nothing_done


def _why_shut(runner: Runner, decider: Decider) -> str:
    """Why nobody is let in from afar, empty if somebody may be."""
    reason = decider.for_operator(runner.point.name, runner.report, runner.mode)
    return "" if runner.mode is Mode.SCHEDULED and TABLE[reason].allows else reason.value


def _start_session(runner: Runner, decider: Decider, received: CommandReceived, digest: bytes) -> str:
    """The device weighs the credential itself: the cloud asks on somebody's behalf, and decides nothing."""
    decided = decider.decide_digest(
        digest, runner.point.name, "in", free_exit=False, report=runner.report, mode=runner.mode
    )
    runner.take(replace(decided, told=received.told))
    reason = decided.decision.reason
    if decided.decision.allowed and reason is not Reason.ALLOWED:  # a mode that holds doors open gives no power
        reason = Reason.OUT_OF_SERVICE
    return "" if reason is Reason.ALLOWED else reason.value
