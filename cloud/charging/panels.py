"""What pages show of charging: the hubs with their sockets, what can be ordered of one, and who charged where."""

from collections.abc import Iterable, Mapping
from typing import Any

from cloud.charging.rule import Condition
from cloud.charging.store import list_hubs, list_sessions, list_sockets
from cloud.commands.store import PointState
from cloud.people.store import PersonView, list_people
from cloud.web.domain import Panel, Piece, Visit, one_piece
from cloud.web.roles import Right
from contract.decide import Standing

SESSIONS_SHOWN = 10
SESSIONS_OF_PERSON = 20
PEOPLE_SHOWN = 10


def _hubs(visit: Visit, about: Any) -> dict[str, Any] | None:
    """The hubs of which the page shows sockets. They are counted whole, whatever narrows the page."""
    chosen = {point.name for point in about.chosen if point.charges}
    if not chosen:
        return None
    hubs = list_hubs(visit.connection, about.points, visit.now_ms)
    shown = [hub for hub in hubs if any(one.point.name in chosen for one in hub.sockets)]
    return {"hubs": shown, "chosen": chosen, "shape": sorted(chosen)}


def _hub_pieces(values: Mapping[str, Any]) -> Iterable[Piece]:
    for hub in values["hubs"]:
        yield Piece(f"hub-{hub.name}", "_hub.html", {"hub": hub})
        for socket in hub.sockets:
            if socket.point.name in values["chosen"]:
                yield Piece(f"point-{socket.point.name}", "_socket.html", {"socket": socket})


def _last_sessions(visit: Visit, about: Any) -> dict[str, Any] | None:
    if not any(point.charges for point in about.of_group):
        return None
    return {"sessions": list_sessions(visit.connection, limit=SESSIONS_SHOWN)}


def _socket(visit: Visit, point: PointState) -> dict[str, Any] | None:
    """The socket, and what may be ordered of it; ``who`` looks for the person whose card is to be charged on."""
    if not point.charges:
        return None
    (socket,) = list_sockets(visit.connection, [point], visit.now_ms)
    who = visit.query.get("who", "").strip() if Right.DIRECTORY in visit.rights else ""
    people = list_people(visit.connection, who, limit=PEOPLE_SHOWN).people if who else []
    cards = [(person, card) for person in people for card in person.cards if card.standing == Standing.ACTIVE]
    shape = socket.running, socket.condition is Condition.FREE
    return {"socket": socket, "who": who, "cards": cards, "shape": shape}


def _socket_pieces(values: Mapping[str, Any]) -> Iterable[Piece]:
    return (Piece(f"point-{values['socket'].point.name}", "_socket.html"),)


def _sessions_of_point(visit: Visit, point: PointState) -> dict[str, Any] | None:
    if not point.charges:
        return None
    return {"sessions": list_sessions(visit.connection, point=point.name, limit=SESSIONS_SHOWN)}


def _sessions_of_person(visit: Visit, person: PersonView) -> dict[str, Any] | None:
    if person.holder not in visit.scope.looked_at:
        return None
    sessions = list_sessions(visit.connection, holder=person.holder, limit=SESSIONS_OF_PERSON)
    return {"sessions": sessions} if sessions else None


PANELS = (
    Panel("points", 40, "_hubs.html", _hubs, _hub_pieces),
    Panel("points", 90, "_last_sessions.html", _last_sessions, one_piece("sessions", "_sessions.html")),
    Panel("point", 15, "_charger.html", _socket, _socket_pieces, asks=("who",)),
    Panel("point", 50, "_sessions_of_point.html", _sessions_of_point, one_piece("sessions", "_sessions.html")),
    Panel("person", 50, "_charged_by.html", _sessions_of_person, right=Right.MOVEMENTS),
)
