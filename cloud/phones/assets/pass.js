// Draws the pass of this phone anew every ten seconds, by its own key and the server's clock.
import { canKeep, hex, idOf, load, sign } from "./keys.js";
import { draw } from "./qr.js";
import { carriedPass, passText, shortPass } from "./short.js";
import "./register.js";

const REDRAWN_S = 10;
const OFFSET = "hg-offset-ms";
const section = document.querySelector("[data-pass]");
const find = name => section.querySelector(`[data-${name}]`);
const bar = section.querySelector("progress");

/** How far the server's clock is ahead of this phone's, as it was found when there was a network last. */
const nowMs = () => Date.now() + Number(localStorage.getItem(OFFSET) ?? 0);

async function askServer() {
  const asked = performance.now();
  const answer = await fetch(kept ? "/join/clock.json" : "/me/clock", { cache: "no-store" });
  if (answer.status === 401) return location.reload();
  const { now_ms: now, key } = await answer.json();
  localStorage.setItem(OFFSET, String(Math.round(now + (performance.now() - asked) / 2 - Date.now())));
  return key;
}

const { carried, kept } = section.dataset; // of a rider: what the cloud signed, as hex
const signed = carried && Uint8Array.from(carried.match(/../g), pair => parseInt(pair, 16));

async function redraw(pair, id) {
  const short = await shortPass(id, Math.floor(nowMs() / 1000), bytes => sign(pair, bytes));
  find("code").replaceChildren(draw(passText(signed ? carriedPass(signed, short) : short)));
  bar.value = REDRAWN_S;
}

function needsKey() {
  find("code").replaceChildren();
  bar.hidden = find("hint").hidden = true;
  find("mend").hidden = find("offer").hidden = false;
}

async function start() {
  const pair = await load(kept);
  const id = pair && await idOf(pair);
  if (!pair || hex(id) !== section.dataset.key) return needsKey();
  await redraw(pair, id);
  setInterval(() => bar.value > 1 ? bar.value-- : redraw(pair, id), 1000);
  const known = await askServer().catch(() => { document.querySelector("[data-offline]")?.removeAttribute("hidden"); });
  if (known && known !== hex(id)) return location.reload();
  await redraw(pair, id);
}

/** Without a key of its own the phone shows what the server signed ahead. */
function showHeld() {
  const slots = section.dataset.held.trim().split(" ").map(slot => slot.split(":"));
  const show = () => {
    const due = slots.findLast(([at]) => at * 1000 <= nowMs());
    if (due === undefined || due === slots.at(-1)) return location.reload();
    find("code").replaceChildren(draw(due[1]));
  };
  find("offer").hidden = !canKeep();
  askServer().then(show, show);
  setInterval(show, REDRAWN_S * 1000);
}

if ("held" in section.dataset) showHeld();
else if (canKeep()) start();
else needsKey();
if (canKeep() && navigator.serviceWorker) {
  const scope = kept ? location.pathname : "/me", page = kept ? `&page=${encodeURIComponent(scope)}` : "";
  const folder = scope.split("/")[1];
  navigator.serviceWorker.register(`/${folder}/worker.js?v=${section.dataset.version}${page}`, { scope });
}
