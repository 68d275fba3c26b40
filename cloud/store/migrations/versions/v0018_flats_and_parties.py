"""Flats and parties in the place of households, what people are, and profiles that are numbered apart from plans.

A household becomes a flat of its name and the party that lives there. Until now the places of a plan were counted when
rosters were compiled: whoever was one too many, or in a household without a payer, was in none of them. Such
memberships are suspended, each with its row in the audit, so that nobody passes who was refused before.
"""

import re
import time
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from contract.events import CHAIN_START, chain

revision = "0018"
down_revision = "0017"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ENDED_SHOWN_MS = 90 * 86_400_000
RELATIVE_ZONES = "home", "own-floor"
WHY = "no place is left in the plan, or nobody pays for it"


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(one, sa.JSON if one in ("document", "detail") else None) for one in columns))


sites = _table("sites", "name", "revision", "terms_revision", "everybody_revision")
households = _table("households", "id", "unit")
plans = _table("plans", "name", "document", "profile")
audit = _table("audit", "id", "at_ms", "operator", "action", "subject", "detail", "link")
flats = _table("flats", "site", "name", "building", "unit", "floor", "flat", "tenure", "vacant")
parties = _table("parties", "id", "site", "kind", "name_zh", "name_en", "flat", "created_ms")
party_members = _table("party_members", "site", "party_id", "person_id", "role", "from_ms", "until_ms")
profiles = _table("profiles", "site", "number", "plan", "place")
PERSON = "id", "holder", "name_zh", "name_en", "revision"
MEMBERSHIP = "id", "person_id", "plan", "payer", "from_ms", "until_ms", "standing"
people = _table("people", *PERSON, "household_id")
memberships = _table("memberships", *MEMBERSHIP, "party_id")
schedules = _table("schedules", "name")


def upgrade() -> None:
    connection = op.get_bind()
    site = connection.execute(sa.select(sites.c.name)).scalar()
    homes = _pairs(people, "id", "household_id")
    units = _pairs(households, "id", "unit")
    _make_flats_and_parties()
    _make_people()
    op.drop_table("households")
    _place_points()
    held = connection.execute(sa.select(*(memberships.c[name] for name in MEMBERSHIP))).mappings().all()
    _fill_parties(site, units, homes, {one["person_id"] for one in held if one["payer"]})
    documents = _pairs(plans, "name", "document")
    shared = {name for name, document in documents.items() if document.get("places") is not None}
    _make_memberships(shared)
    for one in _surplus([dict(row) for row in held], homes, documents):
        _suspend(one)
    _number_profiles(site)
    _open_homes(documents)
    _make_what_people_are()
    newer = sites.c.revision + 1
    connection.execute(sa.update(sites).values(revision=newer, terms_revision=newer, everybody_revision=newer))


def _pairs(table: sa.TableClause, key: str, value: str) -> dict[Any, Any]:
    rows = op.get_bind().execute(sa.select(table.c[key], table.c[value]))
    return {row[0]: row[1] for row in rows}


def _make_flats_and_parties() -> None:
    op.create_table(
        "flats",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="building, unit and flat, as the residents say it"),
        sa.Column("building", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False, comment="of the building, empty where it has none"),
        sa.Column("floor", sa.Integer(), nullable=True),
        sa.Column("flat", sa.String(), nullable=False, comment="its number in the unit"),
        sa.Column("area_m2", sa.Float(), nullable=True),
        sa.Column("tenure", sa.String(), nullable=False, comment="owner, tenant, or empty where nobody said"),
        sa.Column("vacant", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_flats_site")),
        sa.PrimaryKeyConstraint("site", "name", name=op.f("pk_flats")),
    )
    op.create_table(
        "parties",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="flat, company, club, class or crew"),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("flat", sa.String(), nullable=True, comment="name of its flat"),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True, comment="an operator ended it then"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_parties_site")),
        sa.ForeignKeyConstraint(["site", "flat"], ["flats.site", "flats.name"], name=op.f("fk_parties_site_flat")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parties")),
    )
    op.create_index("ix_parties_site_flat", "parties", ["site", "flat"])
    op.create_table(
        "party_members",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("party_id", ROW_ID, nullable=False),
        sa.Column("person_id", ROW_ID, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False, comment="0 for no bound"),
        sa.Column(
            "until_ms",
            sa.BigInteger(),
            nullable=False,
            comment="half-open; 0 for no bound; of a tenant the lease's end",
        ),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True, comment="an operator ended it then, whatever was agreed"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_party_members_site")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_party_members_party_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_party_members_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party_members")),
    )
    op.create_index("ix_party_members_party_id", "party_members", ["party_id"])
    op.create_index("ix_party_members_person_id", "party_members", ["person_id"])


def _make_people() -> None:
    """SQLite drops no column that refers to another table: the table is made anew, and cards and memberships refer to
    the new one."""
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute("CREATE TABLE people_before AS SELECT * FROM people")
    op.drop_table("people")
    op.create_table(
        "people",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("holder", sa.LargeBinary(length=8), nullable=False, comment="random; all that devices know"),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column(
            "born", sa.String(), nullable=False, server_default="", comment="year and month, as 1957-03, or empty"
        ),
        sa.Column(
            "verified", sa.String(), nullable=False, server_default="", comment="how, by a word of a closed list"
        ),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True, comment="an operator ended all that they hold then"),
        sa.Column(
            "revision",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="the site's, when this person's grants may have changed last",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("holder", name=op.f("uq_people_holder")),
    )
    before = _table("people_before", *PERSON)
    op.execute(sa.insert(people).from_select(PERSON, sa.select(*(before.c[name] for name in PERSON))))
    op.drop_table("people_before")
    op.create_index("ix_people_revision", "people", ["revision"])


def _place_points() -> None:
    op.add_column(
        "points",
        sa.Column(
            "unit", sa.String(), nullable=False, server_default="", comment="building and unit it leads into, as 3-1"
        ),
    )
    op.add_column(
        "points",
        sa.Column("floor", sa.Integer(), nullable=True, comment="of a lift: the floor of that unit that it leads to"),
    )
    op.add_column(
        "points",
        sa.Column(
            "flat",
            sa.String(),
            nullable=False,
            server_default="",
            comment="the only flat it belongs to, as its garage",
        ),
    )
    op.create_index("ix_points_unit", "points", ["unit"])
    op.create_index("ix_points_flat", "points", ["flat"])


def _fill_parties(
    site: str | None, units: dict[int, str], homes: dict[int, int | None], payers: set[int | None]
) -> None:
    """A party has the number of its household."""
    rows = [{"site": site, "name": unit, "tenure": "", "vacant": False, **_address(unit)} for unit in units.values()]
    op.bulk_insert(flats, rows)
    shared = {"site": site, "kind": "flat", "created_ms": 0}
    op.bulk_insert(
        parties,
        [{"id": home, "name_zh": unit, "name_en": unit, "flat": unit, **shared} for home, unit in units.items()],
    )
    op.bulk_insert(
        party_members,
        [
            {
                "site": site,
                "party_id": home,
                "person_id": person,
                "role": "payer" if person in payers else "adult",
                "from_ms": 0,
                "until_ms": 0,
            }
            for person, home in homes.items()
            if home is not None
        ],
    )


def _address(unit: str) -> dict[str, Any]:
    """Of a name such as 3-1-702: building 3, unit 1, floor 7. Of any other nothing is known."""
    parts = re.fullmatch(r"(\w{1,10})-(?:(\w{1,10})-)?(\w{1,10})", unit)
    if parts is None:
        return {"building": "", "unit": "", "floor": None, "flat": ""}
    flat = parts[3]
    floor = int(flat[:-2]) if re.fullmatch(r"[1-9]\d{2,3}", flat, re.ASCII) else None
    return {"building": parts[1], "unit": parts[2] or "", "floor": floor, "flat": flat}


def _make_memberships(shared: set[str]) -> None:
    op.rename_table("memberships", "memberships_before")
    op.create_table(
        "memberships",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("person_id", ROW_ID, nullable=True, comment="none: everybody of the party"),
        sa.Column("party_id", ROW_ID, nullable=True, comment="none: the person alone"),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("payer", sa.Boolean(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False, comment="0 for no bound"),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="half-open; 0 for no bound"),
        sa.Column("standing", sa.String(), nullable=False),
        sa.CheckConstraint("person_id IS NOT NULL OR party_id IS NOT NULL", name=op.f("ck_memberships_holder")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_memberships_person_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_memberships_party_id")),
        sa.ForeignKeyConstraint(["plan"], ["plans.name"], name=op.f("fk_memberships_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
    )
    before = _table("memberships_before", *MEMBERSHIP)
    op.execute(sa.insert(memberships).from_select(MEMBERSHIP, sa.select(*(before.c[name] for name in MEMBERSHIP))))
    op.drop_table("memberships_before")
    op.create_index("ix_memberships_person_id", "memberships", ["person_id"])
    op.create_index("ix_memberships_party_id", "memberships", ["party_id"])
    mine = sa.select(party_members.c.party_id).where(party_members.c.person_id == memberships.c.person_id)
    with_home = sa.update(memberships).where(memberships.c.plan.in_(shared))
    op.execute(with_home.values(party_id=mine.scalar_subquery()))


def _surplus(
    held: list[dict[str, Any]], homes: dict[int, int | None], documents: dict[str, Any]
) -> list[dict[str, Any]]:
    """The memberships in use that were in no roster, for the places of their plan were taken or not paid for."""
    now_ms = int(time.time() * 1000)
    families: dict[tuple[int | None, str], list[dict[str, Any]]] = {}
    for one in held:
        counts = not one["until_ms"] or now_ms < one["until_ms"] + ENDED_SHOWN_MS
        if documents[one["plan"]].get("places") is not None and counts:
            families.setdefault((homes[one["person_id"]], one["plan"]), []).append(one)
    surplus = []
    for (home, plan), family in families.items():
        family.sort(key=lambda one: (not one["payer"], one["id"]))
        is_paid = home is not None and any(one["payer"] for one in family)
        surplus += family[documents[plan]["places"] :] if is_paid else family
    return [one for one in surplus if one["standing"] == "active" and (not one["until_ms"] or now_ms < one["until_ms"])]


def _suspend(one: dict[str, Any]) -> None:
    connection = op.get_bind()
    connection.execute(sa.update(memberships).where(memberships.c.id == one["id"]).values(standing="suspended"))
    newest = sa.select(audit.c.id, audit.c.link).order_by(audit.c.id.desc()).limit(1)
    last = connection.execute(newest).first()
    number, before = (1, CHAIN_START) if last is None else (last.id + 1, last.link)
    entry = {
        "id": number,
        "at_ms": int(time.time() * 1000),
        "operator": "command line",
        "action": "membership.changed",
        "subject": f"person {one['person_id']}",
        "detail": {"membership": str(one["id"]), "standing": "suspended", "why": WHY},
    }
    link = chain(before, msgspec.json.encode(entry, order="sorted"))
    connection.execute(sa.insert(audit).values(**entry, link=link))


def _number_profiles(site: str | None) -> None:
    op.create_table(
        "profiles",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column(
            "number",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="its place in the site page, for good",
        ),
        sa.Column("plan", sa.String(), nullable=False, comment="which may be gone"),
        sa.Column(
            "place",
            sa.String(),
            nullable=False,
            comment="a place of residents, empty for the zones that the plan opens",
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_profiles_site")),
        sa.PrimaryKeyConstraint("site", "number", name=op.f("pk_profiles")),
        sa.UniqueConstraint("site", "place", "plan", name=op.f("uq_profiles_site_place_plan")),
    )
    numbered = op.get_bind().execute(sa.select(plans.c.name, plans.c.profile)).all()
    values = [{"site": site, "number": number, "plan": plan, "place": ""} for plan, number in numbered]
    op.bulk_insert(profiles, values)
    op.drop_column("plans", "profile")


def _open_homes(documents: dict[str, Any]) -> None:
    """Residents may pass whatever leads to their own flat, as soon as a point is said to."""
    connection = op.get_bind()
    resident = documents.get("resident")
    has_always = connection.execute(sa.select(schedules.c.name).where(schedules.c.name == "always")).first()
    if resident is not None and has_always and "opens" in resident:
        resident["opens"] = {**resident["opens"], **dict.fromkeys(RELATIVE_ZONES, "always")}
        connection.execute(sa.update(plans).where(plans.c.name == "resident").values(document=resident))


def _make_what_people_are() -> None:
    op.create_table(
        "person_tags",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("person_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(), nullable=False, comment="of a closed list"),
        sa.Column("from_ms", sa.BigInteger(), autoincrement=False, nullable=False, comment="0 for no bound"),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="half-open; 0 for no bound"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_person_tags_site")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_person_tags_person_id")),
        sa.PrimaryKeyConstraint("site", "person_id", "tag", "from_ms", name=op.f("pk_person_tags")),
    )
    op.create_table(
        "guardians",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("child_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("guardian_id", ROW_ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_guardians_site")),
        sa.ForeignKeyConstraint(["child_id"], ["people.id"], name=op.f("fk_guardians_child_id")),
        sa.ForeignKeyConstraint(["guardian_id"], ["people.id"], name=op.f("fk_guardians_guardian_id")),
        sa.PrimaryKeyConstraint("site", "child_id", "guardian_id", name=op.f("pk_guardians")),
    )
    op.create_index("ix_guardians_guardian_id", "guardians", ["guardian_id"])
    op.create_table(
        "qualifications",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("person_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="half-open; 0 for no bound"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_qualifications_site")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_qualifications_person_id")),
        sa.PrimaryKeyConstraint("site", "person_id", "name", name=op.f("pk_qualifications")),
    )
