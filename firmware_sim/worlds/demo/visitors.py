"""Who comes to the demo's gate without a card: a guest with a code and a printed one, and a resident with a phone."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from cloud.cards.slots import slots_ahead
from cloud.keys.folder import clock, open_folder
from cloud.permits.kinds import PermitKind
from cloud.permits.service import Drawn, PermitAsked, PermitService
from cloud.phones.service import PhoneService
from cloud.phones.store import Phone
from cloud.sample import PEOPLE
from cloud.store.schema import people
from contract.phrases import Phrase
from contract.sealing import DeviceKey
from firmware_sim.panel.world import HeldText

HOST_CARD = 15890
"""Whose flat the guest comes to, and whose phone it is."""


class Visitors(NamedTuple):
    """The guest's permit, and the phone with the key that the cloud holds for it."""

    guest: Drawn
    phone: Phone
    key: DeviceKey

    def screen(self) -> str:
        """What the phone shows now."""
        return slots_ahead(self.phone.key, self.key, clock())[0].text

    def texts(self) -> list[HeldText]:
        """What lies ready on the panel."""
        return [
            HeldText(Phrase("住户的手机", "Resident's phone"), self.screen),
            HeldText(Phrase("访客的打印码", "Guest's printed code"), lambda: self.guest.token),
            HeldText(Phrase("访客的数字码", "Guest's spoken code"), lambda: self.guest.code),
        ]


def expect_visitors(folder: Path, by: str) -> Visitors:
    """Draw up the guest's permit in the cloud of that folder, and register the phone."""
    (host,) = (person for person in PEOPLE if person.card == HOST_CARD)
    with open_folder(folder) as (store, keys):
        with store.reading() as connection:
            person = connection.execute(select(people.c.id).where(people.c.name_en == host.name_en)).scalar_one()
        asked = PermitAsked(kind=PermitKind.GUEST, name="Guest 访客", flat=host.unit, code=True, token=True)
        guest = PermitService(store, keys, clock).draw(by, asked)
        phones = PhoneService(store, keys, clock)
        phone = phones.phone_of(phones.register(phones.make_link(by, person), None).secret)
        key = None if phone is None else phones.held_key(phone)
    if phone is None or key is None:
        raise AssertionError("the cloud holds no key for a phone that can keep none")
    return Visitors(guest, phone, key)
