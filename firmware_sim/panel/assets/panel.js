// Draws what the stream tells, and sends what the buttons do without leaving the page.
// Every button works without this file; the drawings do not move without it.

const words = JSON.parse(document.getElementById("words").textContent);
const say = (text, values = {}) =>
  Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, value), words.say[text]);

const LOOKS_APART_MS = 260; // a little more than the server leaves between two looks
const SAID_FOR_MS = 6000;
const RELEASED = {
  smoke: "Smoke: the way is free until a reset.",
  estop: "Emergency stop: the way is free until a reset.",
  loop_broken: "Broken fire loop: the way is free until a reset.",
  drill: "Drill: the way is free until it ends.",
};
const READ_FOR_MS = 3500;
const DOT_PX = 7;
const HOT_C = 60;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** A number that glides to where it should be, and is drawn on its way. */
class Glide {
  constructor(draw) {
    Object.assign(this, { draw, at: 0, from: 0, to: 0, since: 0, frame: 0 });
  }

  go(to) {
    if (to === this.to) return;
    Object.assign(this, { from: still.matches ? to : this.at, to, since: performance.now() });
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame((now) => this.step(now));
  }

  step(now) {
    const part = Math.min(1, Math.max(0, (now - this.since) / LOOKS_APART_MS));
    this.at = this.from + (this.to - this.from) * part;
    this.draw(this.at);
    if (part < 1) this.frame = requestAnimationFrame((next) => this.step(next));
  }
}

/** A tripod looks the same every third of a turn, so it takes the nearest way to look as it should. */
class Arm extends Glide {
  constructor(group) {
    super((angle) => group.setAttribute("transform", `rotate(${angle.toFixed(1)} ${group.dataset.turn})`));
  }

  go(angle) {
    super.go(angle + 120 * Math.round((this.to - angle) / 120));
  }
}

/** The leaf turns on its hinge; what is nearer to the eye seems lower. */
class Leaf extends Glide {
  constructor(group) {
    const hinge = Number(group.dataset.leaf);
    super((angle) => {
      const [across, down] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180) * 0.16];
      group.setAttribute("transform", `matrix(${across} ${down} 0 1 ${hinge * (1 - across)} ${-hinge * down})`);
    });
  }
}

class Point {
  constructor(section) {
    this.section = section;
    const turning = section.querySelector("[data-turn]");
    this.moving = turning ? new Arm(turning) : new Leaf(section.querySelector("[data-leaf]"));
  }

  show(seen, device) {
    const { portal } = seen;
    this.moving.go(portal.arm_dropped ? 60 : portal.angle);
    const marks = {
      gone: false,
      "lit-green": Boolean(seen.outputs.green?.active),
      "lit-red": Boolean(seen.outputs.red?.active),
      sending: Object.values(seen.readers).some((reader) => reader.sending),
      released: seen.kind === "door" ? !portal.held : !portal.locked,
      open: seen.kind === "door" && !portal.shut,
      passing: seen.kind === "door" ? portal.hands > 0 : !portal.home && !portal.jammed,
      jammed: Boolean(portal.jammed),
      pressed: Boolean(seen.exit_button?.pressed),
      burning: Boolean(device.zones[seen.zone]?.fire_panel.alarm),
    };
    for (const [mark, on] of Object.entries(marks)) this.section.classList.toggle(mark, on);
    put(this.section.querySelector("[data-state]"), say(this.state(seen)));
    const passed = portal.passed_in === undefined ? "" : `${say("Passed in")} ${portal.passed_in} · ${say("Passed out")} ${portal.passed_out}`;
    put(this.section.querySelector("[data-passed]"), passed);
    this.screen(device, seen.zone, marks);
  }

  state({ kind, portal }) {
    if (portal.jammed && !portal.home) return "jammed";
    if (portal.arm_dropped) return "arm dropped";
    if (kind === "door") return portal.shut ? (portal.held ? "locked" : "unlocked") : "open";
    return portal.locked ? "locked" : "unlocked";
  }

  /** What the door says to the person at it: while a lamp is lit, and long enough after to be read. */
  screen(device, zone, marks) {
    const notice = this.notice(device, zone, marks.burning);
    const lamp = marks["lit-red"] ? "red" : marks["lit-green"] ? "green" : "";
    if (!notice && !lamp && this.reading) return;
    clearTimeout(this.reading);
    this.reading = 0;
    if (notice) return this.write(...notice);
    if (!lamp) return this.invite();
    this.write(lamp, words.shown[device.status.shown[this.section.dataset.point]] ?? "");
    this.reading = setTimeout(() => this.invite(), READ_FOR_MS);
  }

  /** The tone and the words of what matters more than any card; nothing on an ordinary day. */
  notice({ keeper_running, status }, zone, burning) {
    if (!keeper_running) return ["off", say("The keeper is down: the pins are at rest.")];
    if (status === null) return ["off", say("The agent is down: no decisions are made here. Fire still releases.")];
    if (!status.emergencies.includes(zone)) return null;
    const standing = RELEASED[status.causes[zone]] ?? "Emergency: the way is free until the reset key is turned.";
    return ["green", say(burning ? "Emergency: the way is free." : standing)];
  }

  invite() {
    this.reading = 0;
    this.write("", say("Hold a card to the reader"));
  }

  write(tone, text) {
    const screen = this.section.querySelector("[data-shown]");
    screen.dataset.tone = tone;
    put(screen, text);
  }

  lose() {
    this.section.classList.add("gone");
    put(this.section.querySelector("[data-state]"), say("no board"));
  }
}

/** A charging socket: what hangs on it, what it draws, how warm it is, and what the station says. */
class Socket {
  constructor(section) {
    this.section = section;
  }

  show({ socket, zone }, device) {
    const { relay, plugged_in } = socket;
    const marks = { gone: false, powered: socket.live, plugged: plugged_in !== null, hot: socket.temperature_c >= HOT_C };
    for (const [mark, on] of Object.entries(marks)) this.section.classList.toggle(mark, on);
    put(this.section.querySelector("[data-state]"), this.state(plugged_in));
    this.charge(plugged_in?.charge_percent);
    const wrong = faults({ ...relay, burnt_open: socket.burnt_open });
    const drawn = [`${socket.power_w.toFixed(1)} W`, ...this.session(device), `${socket.temperature_c.toFixed(0)} °C`];
    put(this.section.querySelector("[data-passed]"), [...drawn, ...wrong].join(" · "));
    this.screen(device, zone);
  }

  /** How full the battery is that hangs there, if one does. */
  charge(percent) {
    const bar = this.section.querySelector("[data-charge]");
    bar.hidden = percent === undefined;
    bar.value = percent ?? 0;
  }

  /** What its session has had so far, as the station counts it. */
  session({ status }) {
    const session = status?.sessions[this.section.dataset.point];
    return session ? [`${session.energy_wh.toFixed(0)} Wh`, `${session.minutes} min`] : [];
  }

  state(plugged_in) {
    if (plugged_in === null) return say("Nothing plugged in");
    const charge = plugged_in.charge_percent === undefined ? "" : ` ${plugged_in.charge_percent.toFixed(0)} %`;
    return say(words.things[plugged_in.what]) + charge;
  }

  screen({ keeper_running, status }, zone) {
    const screen = this.section.querySelector("[data-shown]");
    const isOut = !keeper_running || status === null;
    const isEmergency = !isOut && status.emergencies.includes(zone);
    screen.dataset.tone = isOut ? "off" : isEmergency ? "red" : "";
    const down = keeper_running ? "The agent is down: no decisions are made here. Fire still releases." : "The keeper is down: the pins are at rest.";
    if (isOut) put(screen, say(down));
    else if (isEmergency) put(screen, say("Emergency: no power until a reset."));
    else put(screen, this.told(status));
  }

  /** What it showed last; before that, what is to be done. */
  told({ shown, sessions }) {
    const { point } = this.section.dataset;
    return words.shown[shown[point] || (sessions[point] && "charging")] ?? say("Hold a card to the reader");
  }

  lose() {
    this.section.classList.add("gone");
    put(this.section.querySelector("[data-state]"), say("no board"));
  }
}

/** A charging post: a peer of its own, with a car, a network cable and a clock. */
class Post extends Socket {
  show({ post, zone }, device) {
    const marks = { gone: !post.powered, powered: post.power_w > 0, plugged: post.plugged_in };
    for (const [mark, on] of Object.entries(marks)) this.section.classList.toggle(mark, on);
    const percent = post.plugged_in ? post.level * 100 : undefined;
    put(this.section.querySelector("[data-state]"), percent === undefined ? say("No car") : `${say("Car")} ${percent.toFixed(0)} %`);
    this.charge(percent);
    const wrong = [["no power", !post.powered], ["no network", post.powered && !post.connected]];
    const drawn = [`${(post.power_w / 1000).toFixed(1)} kW`, ...this.session(device)];
    put(this.section.querySelector("[data-passed]"), [...drawn, ...wrong.filter(([, isSo]) => isSo).map(([name]) => say(name))].join(" · "));
    this.screen(device, zone);
  }
}

/** The contactor that feeds a bank of sockets. */
class Bank extends Socket {
  show({ contactor }) {
    this.section.classList.toggle("gone", false);
    this.section.classList.toggle("powered", contactor.closed);
    const state = say(contactor.closed ? "Supply on" : "Supply off");
    put(this.section.querySelector("[data-state]"), [state, ...faults(contactor)].join(" · "));
  }
}

/** A part of a kind that this page does not know: what it says of itself, by name. */
class Part extends Socket {
  show({ part, zone }, device) {
    this.section.classList.toggle("gone", false);
    put(this.section.querySelector("[data-state]"), "");
    for (const fact of this.section.querySelectorAll("[data-fact]")) put(fact, part[fact.dataset.fact]);
    this.screen(device, zone);
  }
}

function faults({ welded, stuck_open, burnt_open }) {
  const known = [["welded", welded], ["stuck open", stuck_open], ["burnt open", burnt_open]];
  return known.filter(([, isSo]) => isSo).map(([name]) => say(name));
}

const KINDS = { socket: Socket, post: Post, bank: Bank, part: Part };

class Device {
  constructor(article) {
    this.article = article;
    this.points = new Map();
    for (const section of article.querySelectorAll("[data-point]")) {
      this.points.set(section.dataset.point, new (KINDS[section.dataset.kind] ?? Point)(section));
    }
  }

  show(seen) {
    for (const [name, point] of this.points) seen.points[name] ? point.show(seen.points[name], seen) : point.lose();
    this.plug("keeper", seen.keeper_running);
    this.plug("agent", seen.agent_running);
    this.plug("cable", seen.cable_in);
    this.facts(seen.status);
    for (const [name, point] of Object.entries(seen.points)) {
      for (const [output, pin] of Object.entries(point.outputs)) this.output(`${name}.${output}`, pin.active);
    }
    for (const [zone, { fire_panel }] of Object.entries(seen.zones)) this.fire(zone, fire_panel.alarm);
  }

  facts(status) {
    const cloud = this.article.querySelector("[data-cloud]");
    cloud.dataset.cloud = status === null ? "unknown" : status.link_up ? "up" : "down";
    put(cloud, say(status === null ? "unknown" : status.link_up ? "connected" : "cut off"));
    if (status === null) return;
    put(this.article.querySelector("[data-journal]"), status.events);
    put(this.article.querySelector("[data-waiting]"), status.waiting);
    this.article.querySelector("[data-stack]").style.width = `${status.waiting * DOT_PX}px`;
  }

  plug(part, isIn) {
    const button = this.article.querySelector(`[data-part="${part}"]`);
    button.setAttribute("aria-checked", isIn);
    button.setAttribute("formaction", `/devices/${this.article.dataset.device}/${part}/${isIn ? "out" : "in"}`);
    put(button.querySelector("small"), say(isIn ? "plugged in" : "pulled"));
  }

  output(name, active) {
    const chip = this.article.querySelector(`[data-output="${name}"]`);
    if (!chip) return; // a socket's own tile shows whether it is live
    chip.classList.toggle("on", active);
    put(chip.querySelector("small"), say(active ? "driven" : "at rest"));
  }

  fire(zone, burning) {
    const button = this.article.querySelector(`[data-fire="${zone}"]`);
    button.setAttribute("aria-pressed", burning);
    button.value = JSON.stringify({ do: "fire", zone, on: !burning });
  }
}

/** Write only what is new: a screen reader reads out every write. */
function put(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

const devices = new Map();
for (const article of document.querySelectorAll("[data-device]")) devices.set(article.dataset.device, new Device(article));

let stream = null;
let heardMs = Date.now();
const liveMark = document.querySelector("[data-live]");

function mark(state, text) {
  liveMark.hidden = false;
  liveMark.dataset.live = state;
  put(liveMark, say(text));
  document.body.classList.toggle("lost", state === "lost");
}

// A panel that is frozen keeps its connections open: only its silence tells.
const SILENT_AFTER_MS = 40_000; // It pings every 15 s.
setInterval(() => {
  if (!stream || Date.now() - heardMs < SILENT_AFTER_MS) return;
  mark("lost", "Not live");
  follow();
}, 5_000);

function hear() {
  heardMs = Date.now();
  mark("live", "Live");
}

// A hidden page gives its connection back: a browser has six of them for all its pages here.
function follow() {
  stream?.close();
  stream = null;
  if (document.hidden) return;
  heardMs = Date.now();
  stream = new EventSource("/live");
  stream.addEventListener("ping", hear);
  stream.addEventListener("device", (event) => {
    const seen = JSON.parse(event.data);
    devices.get(seen.name)?.show(seen);
    hear();
  });
  stream.addEventListener("full", () => {
    stream.close();
    mark("lost", "Not live");
  });
  stream.addEventListener("error", () => mark("lost", "Not live"));
}
document.addEventListener("visibilitychange", follow);
mark("connecting", "Connecting");
follow();

const saidBox = document.querySelector(".said");
let saidTimer = 0;

function tell(text, isBad = false) {
  saidBox.hidden = false;
  saidBox.classList.toggle("bad", isBad);
  put(saidBox, text);
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => (saidBox.hidden = true), SAID_FOR_MS);
}
if (saidBox.textContent) tell(saidBox.textContent);

const form = document.querySelector("form");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(button.formAction, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new FormData(form, button),
    });
    const { said } = await answer.json();
    tell(said, !answer.ok);
  } catch {
    tell(say("Something went wrong; try again."), true);
  } finally {
    button.removeAttribute("aria-busy");
  }
});

// The reader's buttons name the card in the hand.
form.addEventListener("change", (event) => {
  if (event.target.name !== "card") return;
  for (const button of document.querySelectorAll("[data-tap]")) {
    const tap = say("{card} at {reader}", { card: event.target.dataset.label, reader: button.dataset.tap });
    button.setAttribute("aria-label", `${button.dataset.text}: ${tap}`);
  }
});

// In the drawing, the reader, the exit button and the call point can be pressed too.
for (const [part, target] of [[".reader", ".tap"], [".exit", "[data-exit]"], [".callpoint", ".fire"]]) {
  for (const drawn of document.querySelectorAll(part)) {
    drawn.addEventListener("click", () => drawn.closest("article").querySelector(target)?.click());
  }
}
