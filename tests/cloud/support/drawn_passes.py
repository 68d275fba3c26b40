"""The passes that Chromium draws, read as a door reads them that knows the cloud's key and has no roster."""

from cloud.people.pass_terms import known_pass_keys, withdrawn_passes
from contract.carried_passes import believe_carried, verify_carried
from contract.decide import Trust
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, Moment, read_pass
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

DRAWN = """() => {
  const encode = TextEncoder.prototype.encode;
  window.drawn = [];
  TextEncoder.prototype.encode = function (text) {
    if (text.startsWith("HG1")) window.drawn.push(text);
    return encode.call(this, text);
  };
}"""
"""Keeps the texts of the QR codes that a page draws."""

IS_KEPT = """async path => {
  await navigator.serviceWorker.ready;
  while (!await caches.match(path)) await new Promise(resolve => setTimeout(resolve, 20));
}"""
"""Waits until the browser keeps the page of a pass for flight mode."""


def verdict_of(town: Town, text: str) -> PassVerdict:
    """What such a door makes of a text that was drawn."""
    shown = read_pass(text)
    assert isinstance(shown, CarriedProof)
    with town.store.reading() as connection:
        keys, revoked = known_pass_keys(connection, SITE), withdrawn_passes(connection, SITE)
    verdict, carried = believe_carried(shown.message, keys, SITE)
    moment = Moment(town.now_ms, 0, Trust.SYNCED)
    return verdict if carried is None else verify_carried(carried, shown.proof, moment, revoked)
