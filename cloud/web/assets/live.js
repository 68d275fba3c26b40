// Keeps a page fresh from one stream. The server sends finished lines and cards; this only puts them in place.
import { busy } from "./busy.js";
import { fold } from "./fold.js";

const MOST_LINES = 40;
const SILENT_AFTER_MS = 40_000; // The server pings every 15 s.
const LOOK_EVERY_MS = 5_000;

class HgLive extends HTMLElement {
  connectedCallback() {
    this.last = this.getAttribute("after");
    this.held = [];
    this.skewMs = Number(this.getAttribute("now")) - Date.now();
    this.heardMs = this.openedMs = Date.now();
    this.addEventListener("pointerout", () => this.held.length && !this.isPointedAt && this.release());
    // A browser allows six connections to a host: a page nobody looks at must not keep one.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    setInterval(() => this.watch(), LOOK_EVERY_MS);
    if (!document.hidden) this.open();
  }

  open() {
    this.close();
    this.openedMs = Date.now();
    this.stream = new EventSource(`${this.getAttribute("src")}&after=${this.last}`);
    this.stream.addEventListener("open", () => this.hear());
    this.stream.addEventListener("error", () => this.lose());
    this.on("ping", () => {});
    this.on("event", (message) => this.addLine(message));
    this.on("piece", (message) => this.place(message.data));
    this.on("resync", () => location.reload());
  }

  on(event, act) {
    this.stream.addEventListener(event, (message) => {
      this.hear();
      act(message);
    });
  }

  close() {
    this.stream?.close();
    this.stream = null;
  }

  hear() {
    this.heardMs = Date.now();
    this.setAttribute("state", "live");
  }

  // A server that is frozen keeps its connections open: only its silence tells.
  watch() {
    if (this.hasAttribute("old")) this.refresh();
    if (!this.stream || Date.now() - Math.max(this.heardMs, this.openedMs) < SILENT_AFTER_MS) return;
    this.lose();
    this.open();
  }

  lose() {
    const zone = { timeZone: this.getAttribute("zone"), hour12: false };
    const asOf = this.querySelector(".as-of");
    if (asOf) asOf.textContent = new Date(this.heardMs + this.skewMs).toLocaleTimeString("en-GB", zone);
    this.setAttribute("state", "lost");
    // The browser tries again by itself, unless it was refused: then the login may have ended.
    if (this.stream?.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10000);
  }

  // Lines do not move under somebody's pointer: they wait until it has left the list. A finger never rests there.
  get isPointedAt() {
    return matchMedia("(hover: hover)").matches && this.list.matches(":hover");
  }

  get list() {
    return this.querySelector(".lines");
  }

  get more() {
    return this.querySelector(".more");
  }

  addLine(message) {
    this.last = message.lastEventId;
    this.held.push(message.data);
    if (!this.isPointedAt) return this.release();
    this.more.hidden = false;
    this.more.querySelector("b").textContent = this.held.length;
  }

  release() {
    for (const html of this.held.splice(0)) {
      const line = this.made(html);
      if (document.getElementById(line.id)) continue;
      line.classList.add("fresh");
      this.list.prepend(line);
      fold(this.list);
    }
    while (this.list.children.length > MOST_LINES) this.list.lastElementChild.remove();
    this.more.hidden = true;
  }

  place(html) {
    const fresh = this.made(html);
    const old = document.getElementById(fresh.id);
    if (!old) return;
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    // What forms depend on is another: more than this is out of date.
    if (fresh.dataset.shape !== old.dataset.shape) this.refresh();
    old.replaceWith(fresh);
    this.enable(fresh.dataset, fresh.parentElement);
    this.count(fresh.dataset.cases);
    if (focused) fresh.querySelector(`[href="${focused}"]`)?.focus();
  }

  // The title says how many cases are open, also while another tab is in front.
  count(cases) {
    if (cases === undefined) return;
    document.title = (cases === "0" ? "" : `${cases} · `) + document.title.replace(/^\d+ · /, "");
  }

  // Loads the page again and puts in place whatever is another, each card with its forms as one. What somebody types
  // in stays, and the page says that it is out of date.
  async refresh() {
    const answer = await fetch(location.href);
    if (!answer.ok || answer.redirected) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("hg-live");
    this.toggleAttribute("old", !this.renew(this, page));
    if (this.list) fold(this.list);
  }

  // Whether all of a part is now as in the fresh one.
  renew(part, fresh) {
    if (part.matches(".lines") || part.isEqualNode(fresh)) return true;
    if (!this.holds(part)) {
      part === this ? part.replaceChildren(...fresh.childNodes) : part.replaceWith(fresh);
      return true;
    }
    const [mine, theirs] = [[...part.children], [...fresh.children]];
    if (part.matches("form, .card") || mine.length !== theirs.length) return false;
    return mine.map((one, at) => this.renew(one, theirs[at])).every(Boolean);
  }

  // Whether somebody is at work in a part of the page.
  holds(part) {
    return busy(part) || (part.contains(this.list) && this.isPointedAt);
  }

  // Nothing can be ordered of a device that is offline.
  enable({ card, opens }, parent) {
    if (card) parent.className = card;
    if (!opens) return;
    for (const one of (card ? parent : this).querySelectorAll("[data-needs-online]")) one.disabled = opens === "0";
  }

  made(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }
}

customElements.define("hg-live", HgLive);
