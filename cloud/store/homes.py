"""In which flat somebody lives, for screens that name people."""

from sqlalchemy import select

from cloud.store.schema import parties, party_members, people

flat_of_person = (
    select(parties.c.flat)
    .join(party_members, party_members.c.party_id == parties.c.id)
    .where(party_members.c.person_id == people.c.id, parties.c.kind == "flat")
    .order_by(
        party_members.c.ended_ms.is_(None).desc(),
        (party_members.c.until_ms == 0).desc(),
        party_members.c.until_ms.desc(),
        party_members.c.id.desc(),
    )
    .limit(1)
    .correlate(people)
    .scalar_subquery()
    .label("unit")
)
"""The name of the flat that somebody of the table ``people`` belongs to; of several the one that they belong to
longest. None for whoever never belonged to any."""
