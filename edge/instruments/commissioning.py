"""Gives a new PZEM its address. All of them leave the factory with one, and answer to a general one besides."""

import asyncio

from edge.instruments.modbus import GENERAL_ADDRESS, LAST_ADDRESS, Answer, Failure, Outcome, Read, Request, Write
from edge.instruments.modbus_line import ModbusLine
from edge.instruments.models import ADDRESS_REGISTER, MODELS

MODEL = "pzem004t"
WHERE = Read(GENERAL_ADDRESS, 3, ADDRESS_REGISTER[MODEL], 1)
BEHIND_S = 0.4
"""A second meter answers at most so long after the first."""
TRIES = 3
"""Two meters that answer at once seldom do so to the very bit, and hardly three times."""
SEVERAL = "two meters answer at once, or the cable is bad; connect the new meter alone"
NOBODY = "no meter answers; look at its 5 V, its mains (a PZEM lives from what it measures), and RX and TX"


class NotGiven(Exception):
    """The meter has not got its address. The text says why, and what to do."""


async def give_address(line: ModbusLine, address: int, present: int = GENERAL_ADDRESS) -> int:
    """Have the meter that answers to ``present`` answer to ``address`` from now on. Returns what its address was.

    Raises ``NotGiven``, having changed nothing, if there is not just one such meter, or another has the address.
    """
    if not 1 <= address <= LAST_ADDRESS:
        raise NotGiven(f"an address lies between 1 and {LAST_ADDRESS}")
    where = Read(present, WHERE.function, WHERE.first, WHERE.count)
    former = await _alone(line, where)
    for request in MODELS[MODEL].reads(present):  # what they measure differs, where their addresses do not
        await _alone(line, request)
    if former == address:
        return former
    if await _hear(line, *MODELS[MODEL].reads(address)) != Failure("silent"):
        raise NotGiven(f"address {address} is taken by another meter; give the new one another, or connect it alone")
    await _hear(line, Write(present, ADDRESS_REGISTER[MODEL], address))
    taken = await _hear(line, Read(address, WHERE.function, WHERE.first, WHERE.count))
    if taken != Answer((address,)):
        raise NotGiven(f"the meter was told to be {address}, and does not answer as that; it may be {former} still")
    return former


async def _alone(line: ModbusLine, request: Request) -> int:
    """The first register that is read. Raises ``NotGiven`` unless just one meter answers, every time."""
    heard = [await _hear(line, request) for _ in range(TRIES)]
    if all(outcome == Failure("silent") for outcome in heard):
        raise NotGiven(NOBODY)
    first = heard[0]
    if not all(isinstance(outcome, Answer) for outcome in heard) or not isinstance(first, Answer):
        raise NotGiven(SEVERAL)
    return first.registers[0]


async def _hear(line: ModbusLine, request: Request) -> Outcome:
    """What comes, and whether anything comes after it: a second meter may answer just behind the first."""
    strays = line.master.strays
    outcome = await line.ask(request)
    await asyncio.sleep(BEHIND_S)
    return Failure("garbage") if line.master.strays > strays else outcome
