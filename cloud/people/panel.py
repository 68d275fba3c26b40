"""What another domain adds to a person's page."""

from collections.abc import Callable, Mapping

from msgspec import Struct
from sqlalchemy import Connection

from cloud.people.views import PersonView


class PersonPanel(Struct, frozen=True):
    """A piece of a person's page: its template, and what ``look`` finds for it."""

    template: str
    look: Callable[[Connection, PersonView], Mapping[str, object]]
