"""In which flat somebody lives, for screens that name people."""

from sqlalchemy import select

from cloud.store.schema import parties, party_members, people

flat_of_person = (
    select(parties.c.flat)
    .join(party_members, party_members.c.party_id == parties.c.id)
    .where(
        party_members.c.person_id == people.c.id,
        parties.c.kind == "flat",
        party_members.c.role.not_in(("collector", "admin")),
    )
    .order_by(party_members.c.id.desc())
    .limit(1)
    .correlate(people)
    .scalar_subquery()
    .label("unit")
)
"""The name of the flat that somebody of the table ``people`` lives in; of several the one that they came to last. None
for whoever never lived in any."""
