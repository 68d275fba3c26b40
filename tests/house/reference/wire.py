"""The pages of what goes over the wire: events, reasons, commands and channels."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import get_type_hints

import msgspec
from msgspec import Struct

import contract
from contract import topics
from contract.commands import COMMANDS, CommandType
from contract.event_types import EventType
from contract.kinds import known_kinds, vocabulary
from contract.messages import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES
from contract.reasons import TABLE, Reason, Words
from contract.sealing import Purpose
from tests.house.reference.markdown import Undocumented, code, documented, plain, table
from tests.house.reference.shapes import field_rows, nested, shape

CHANNEL = re.compile(r"`(?P<channel>(up|dn)/[a-z]+)`(?: \((?P<kept>[a-z ]*)\))?:? (?P<meaning>.*)")
"""How the docstring of a message begins."""
HEADS = {
    "events": ("Event", "Recorded by", "Grade", "Tone", "Data", "English", "Chinese", "Notes"),
    "reasons": ("Reason", "Allows", "English", "What to do", "Chinese", "What to do, in Chinese"),
    "commands": ("Command", "For", "Right", "Arguments", "English", "Chinese", "Refusals"),
    "channels": ("Channel", "From", "Message", "Retained", "Sealed", "Meaning"),
    "fields": ("Field", "Type", "Bounds", "Default"),
}


def events() -> str:
    """Every event, what its data holds, and how it is shown."""
    declared = sorted(vocabulary().events.items())
    return table(HEADS["events"], (list(_event_row(kind, event)) for kind, event in declared))


def _event_row(kind: str, event: EventType[...]) -> Iterator[str]:
    recorders = [name for name, one in known_kinds().items() if event in one.events.values()]
    looks = [(f"`{field}` is `{value}`", look) for (field, value), look in event.looks.items()]
    yield code(kind)
    yield ", ".join(recorders) or "the device"
    yield event.grade
    yield event.look.tone
    yield _data(event)
    yield "; ".join([event.look.words.en, *(f"if {where}: {look.words.en}" for where, look in looks)])
    yield "；".join([event.look.words.zh, *(look.words.zh for _, look in looks)])
    yield _notes(event.fields)


def _data(event: EventType[...]) -> str:
    types = get_type_hints(event.fields)
    names = sorted(event.required | event.optional)
    return ", ".join(
        f"`{name}`{'' if name in event.required else '?'} {shape(msgspec.inspect.type_info(types[name]))}"
        for name in names
    )


def _notes(fields: object) -> str:
    """What the fields say of themselves. Python 3.11 does not know what a ``TypedDict`` builds on."""
    return plain(fields.__doc__ or "")


def reasons() -> str:
    """Every reason of a decision, with what the person at the point reads."""
    without = [reason.value for reason in Reason if reason not in TABLE]
    if without:
        raise Undocumented(f"reasons without words: {', '.join(without)}")
    return table(HEADS["reasons"], (_reason_row(reason) for reason in Reason))


def _reason_row(reason: Reason) -> list[str]:
    entry = TABLE[reason]
    each: list[Words] = [entry.en, entry.zh]
    return [
        code(reason.value),
        "yes" if entry.allows else "no",
        *(text for words in each for text in (words.text, words.remedy)),
    ]


def commands() -> str:
    """Every command of an operator, and why a device may not do it."""
    return table(HEADS["commands"], (_command_row(one) for one in COMMANDS.values()))


def _command_row(command: CommandType) -> list[str]:
    kinds = [kind.noun.many.en.lower() for kind in known_kinds().values() if command.is_for(kind)]
    documented(command.args, command.args.__name__)
    return [
        code(command.op),
        ", ".join(kinds) if command.scope == "point" else f"a {command.scope}",
        command.right,
        ", ".join(f"{name} {what}" for name, what, *_ in field_rows(command.args)),
        command.words.en,
        command.words.zh,
        "; ".join(f"`{why}` {words.en}" for why, words in sorted(command.all_refusals.items())),
    ]


def channels() -> str:
    """The channels in one table, then each message with its fields."""
    found = messages()
    ways = (("up", "device", topics.UP_CHANNELS), ("dn", "cloud", topics.DOWN_CHANNELS))
    senders = {f"{way}/{channel}": sender for way, sender, every in ways for channel in every}
    if unlike := sorted(senders.keys() ^ found.keys()):
        raise Undocumented(f"of channel and docstring of a message one is missing: {', '.join(unlike)}")
    limits = (
        f"A topic is `{topics.up('SITE', 'DEVICE', 'CHANNEL')}` or `{topics.down('SITE', 'DEVICE', 'CHANNEL')}`.\n"
        f"A payload has at most {MAX_PAYLOAD_BYTES:,} bytes, a batch at most {MAX_BATCH_EVENTS} events "
        f"and {MAX_BATCH_BYTES:,} bytes of them.\n\n"
    )
    rows = [_channel_row(channel, sender, found[channel]) for channel, sender in senders.items()]
    structs = nested(one for one in found.values() if issubclass(one, Struct))
    each = (f"\n## {one.__name__}\n\n{table(HEADS['fields'], field_rows(one))}" for one in structs)
    return limits + table(HEADS["channels"], rows) + "".join(each)


def _channel_row(channel: str, sender: str, message: type) -> list[str]:
    said = CHANNEL.match(documented(message, message.__name__))
    assert said
    name = channel.partition("/")[2]
    sealed = name.upper() in Purpose.__members__ or "seal" in getattr(message, "__struct_fields__", ())
    return [
        code(channel),
        sender,
        f"[{message.__name__}](#{message.__name__.lower()})" if issubclass(message, Struct) else message.__name__,
        "yes" if said["kept"] == "retained" else "no",
        "yes" if sealed else "no",
        said["meaning"],
    ]


def messages() -> dict[str, type]:
    """The message of each channel, by the channel that its docstring begins with."""
    classes = (one for module in _modules(contract) for one in vars(module).values() if isinstance(one, type))
    said = ((one, CHANNEL.match(plain(one.__doc__ or ""))) for one in classes)
    return {match["channel"]: one for one, match in said if match}


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(one.name for one in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    return [importlib.import_module(name) for name in names]
