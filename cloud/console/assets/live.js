// Keeps a page fresh from one stream. The server sends finished lines and cards; this only puts them in place.
const MOST_LINES = 40;

class HgLive extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector(".lines");
    this.more = this.querySelector(".more");
    this.last = this.getAttribute("after");
    this.held = [];
    this.list?.addEventListener("pointerleave", () => this.release());
    // A browser allows six connections to a host: a page nobody looks at must not keep one.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    if (!document.hidden) this.open();
  }

  open() {
    this.close();
    this.stream = new EventSource(`${this.getAttribute("src")}&after=${this.last}`);
    this.stream.addEventListener("open", () => this.setAttribute("state", "live"));
    this.stream.addEventListener("error", () => this.lose());
    this.stream.addEventListener("event", (message) => this.addLine(message));
    this.stream.addEventListener("device", (message) => this.place(message.data, ".devices"));
    for (const piece of ["tiles", "hub", "socket", "sessions"]) {
      this.stream.addEventListener(piece, (message) => this.place(message.data));
    }
    this.stream.addEventListener("resync", () => location.reload());
  }

  close() {
    this.stream?.close();
  }

  lose() {
    this.setAttribute("state", "lost");
    // The browser tries again by itself, unless it was refused: then the login may have ended.
    if (this.stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10000);
  }

  // Lines do not move under somebody's pointer: they wait until it has left the list. A finger never rests there.
  get isBusy() {
    return matchMedia("(hover: hover)").matches && this.list.matches(":hover");
  }

  addLine(message) {
    this.last = message.lastEventId;
    this.held.push(message.data);
    if (!this.isBusy) return this.release();
    this.more.hidden = false;
    this.more.querySelector("b").textContent = this.held.length;
  }

  release() {
    for (const html of this.held.splice(0)) {
      const line = this.made(html);
      if (document.getElementById(line.id)) continue;
      line.classList.add("fresh");
      this.list.prepend(line);
    }
    while (this.list.children.length > MOST_LINES) this.list.lastElementChild.remove();
    this.more.hidden = true;
  }

  place(html, parent) {
    const fresh = this.made(html);
    const old = document.getElementById(fresh.id);
    if (!old) return parent && this.querySelector(parent).append(fresh);
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceWith(fresh);
    if (focused) fresh.querySelector(`[href="${focused}"]`)?.focus();
  }

  made(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }
}

customElements.define("hg-live", HgLive);
