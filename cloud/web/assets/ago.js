// Turns "last heard 14:03:21" into "3 minutes ago", and keeps it true. The server's clock is the one that counts.
const ago = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
const steps = [["second", 60], ["minute", 60], ["hour", 24], ["day", Infinity]];
const shown = new Set();
const skewMs = Number(document.body.dataset.now) - Date.now();

class HgAgo extends HTMLElement {
  connectedCallback() {
    shown.add(this);
    this.tell();
  }

  disconnectedCallback() {
    shown.delete(this);
  }

  tell() {
    const time = this.querySelector("time");
    let passed = Math.max(0, (Date.now() + skewMs - Date.parse(time.dateTime)) / 1000);
    // Seconds that count up one by one only fidget.
    if (passed < 60) passed = Math.floor(passed / 10) * 10;
    for (const [unit, length] of steps) {
      if (passed < length) {
        time.textContent = ago.format(-Math.floor(passed), unit);
        return;
      }
      passed /= length;
    }
  }
}

customElements.define("hg-ago", HgAgo);
setInterval(() => shown.forEach((one) => one.tell()), 5000);
