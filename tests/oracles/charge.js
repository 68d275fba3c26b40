// A charging post by another hand: `ocpp simulate` of the npm package `ocpp-ws-cli`, in a time that the test moves.
//
// When it sends what, how its register grows and when its car is full are decided by its own code. Its arguments are
// those of `ocpp`, and it is operated by its own keys, one character each on the input: a shows a card, t begins a
// charge, e ends it, q leaves and writes a report. The key > is ours: a second passes. After each key, once every call
// of the post is answered, a line `settled` is written to the error output.

const { emitKeypressEvents } = require('readline');
const { pathToFileURL } = require('url');
const WebSocket = require('ws');

const RealDate = Date;
let nowMs = RealDate.parse('2026-09-21T14:13:20Z');
const timers = new Set();
const unanswered = new Set();
let heardAnswer = () => {};

globalThis.Date = class extends RealDate {
  constructor(...moment) { super(...(moment.length ? moment : [nowMs])); }
  static now() { return nowMs; }
};
const begin = (run, ms, repeats, given) => {
  const timer = { at: nowMs + ms, every: repeats && ms, run: () => run(...given) };
  timers.add(timer);
  return timer;
};
globalThis.setTimeout = (run, ms = 0, ...given) => begin(run, ms, false, given);
globalThis.setInterval = (run, ms, ...given) => begin(run, ms, true, given);
globalThis.clearTimeout = globalThis.clearInterval = (timer) => timers.delete(timer);
Math.random = () => 0.5; // the same charge every time

const { send, emit } = WebSocket.prototype;
WebSocket.prototype.send = function (text, ...rest) {
  const [kind, id] = JSON.parse(text);
  if (kind === 2) unanswered.add(id);
  return send.call(this, text, ...rest);
};
WebSocket.prototype.emit = function (name, data, ...rest) {
  const heard = emit.call(this, name, data, ...rest);
  if (name === 'message' && unanswered.delete(JSON.parse(data)[1])) heardAnswer();
  return heard;
};

const answer = () => new Promise((resolve) => { heardAnswer = resolve; });
const turn = () => new Promise(setImmediate);

async function quiet() {
  for (await turn(); unanswered.size; await turn()) await answer();
}

async function passSecond() {
  const end = nowMs + 1000;
  for (;;) {
    const [next] = [...timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
    if (!next) break;
    nowMs = Math.max(nowMs, next.at);
    if (next.every) next.at += next.every;
    else timers.delete(next);
    next.run();
    await quiet();
  }
  nowMs = end;
}

const say = () => process.stderr.write('settled\n');

emitKeypressEvents(process.stdin);
process.stdin.on('keypress', async (key) => {
  if (key === '>') await passSecond();
  await quiet();
  say();
});
answer().then(quiet).then(say);
import(pathToFileURL(require.resolve('ocpp-ws-cli')));
