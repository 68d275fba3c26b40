"""What an operator orders and what devices answer, every seal checked."""

from typing import Any

import msgspec

from contract import codec, topics
from contract.decide import Mode
from contract.messages import Command, Desired, Reported, Result
from contract.sealing import CommandVerifier, ConfigVerifier, Purpose, statement
from tests.cloud.support.api import program
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

GYM = "gym-turnstile"
REASON = "a visitor for the yoga class"


def calls(visitor: Visitor, path: str, **body: Any) -> Any:
    """A change by the API, as the console's own scripts would make it."""
    answer = visitor.post(path, json=body, headers={"X-CSRF-Token": visitor.token("/account")})
    return answer.status_code, answer.json()


def deeds(town: Town) -> list[dict[str, Any]]:
    """What the audit tells beside logins, the newest row first, as its own readers get it."""
    with program(town, "auditor") as auditor:
        return [deed for deed in auditor.get("/api/v1/audit").json()["deeds"] if deed["action"] != "login"]


def commands(town: Town) -> list[Command]:
    """What was sent, each seal checked."""
    found = []
    for topic, payload, retain in town.published:
        parsed = topics.parse(topic)
        assert parsed
        if parsed.channel == "command":
            body, seal = codec.detach(payload)
            verifier = CommandVerifier(town.keys.command.public())
            assert verifier.accepts(statement(Purpose.COMMAND, SITE, parsed.device, body), seal)
            assert not retain
            found.append(codec.read(body, Command))
    return found


def documents(town: Town) -> list[Desired]:
    """The desired documents, each seal checked."""
    found = []
    for topic, payload, retain in town.published:
        parsed = topics.parse(topic)
        assert parsed
        if parsed.channel == "config":
            body, seal = codec.detach(payload)
            verifier = ConfigVerifier(town.keys.config.public())
            assert verifier.accepts(statement(Purpose.CONFIG, SITE, parsed.device, body), seal)
            assert retain
            found.append(codec.read(body, Desired))
    return found


def answers(town: Town, device: str, message: Result | Reported, *, signed_by: str = "") -> None:
    """A device answers, or somebody who is not that device."""
    channel, purpose = ("result", Purpose.RESULT) if isinstance(message, Result) else ("reported", Purpose.REPORTED)
    body = msgspec.json.encode(message)
    seal = town.senders[signed_by or device].key.sign(statement(purpose, SITE, device, body))
    town.arrives(device, channel, codec.attach(body, seal))


def state_of(visitor: Visitor, command: str) -> str:
    return str(visitor.get(f"/api/v1/commands/{command}").json()["state"])


def reports(town: Town, device: str, modes: dict[str, Mode]) -> None:
    document = [one for one in documents(town) if one.device == device][-1]
    answers(town, device, Reported(document.number, "applied", town.now_ms, modes))
