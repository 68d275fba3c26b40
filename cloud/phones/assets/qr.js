// QR codes of texts, drawn without a network: ISO/IEC 18004, byte mode, error correction level M, versions 1 to 22.
const EC_BYTES = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17];
const LONG_COUNT = 10; // from this version on the length of the text takes two bytes

const MASKS = [
  (x, y) => (x + y) % 2,
  (x, y) => y % 2,
  (x, y) => x % 3,
  (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
  (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

/** The code of a text: `size` modules a side, `dark` row by row, and which `version` and `mask` it has. */
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const version = smallest(bytes.length);
  const stream = interleaved(words(bytes, version), version);
  let best;
  for (let mask = 0; mask < MASKS.length; mask++) {
    const made = matrix(version, stream, mask);
    const penalty = penaltyOf(made.size, made.dark);
    if (!best || penalty < best.penalty) best = { ...made, version, mask, penalty };
  }
  return best;
}

/** The code as an element of SVG, with the quiet margin around it. */
export function draw(text) {
  const { size, dark } = encode(text);
  let path = "";
  for (let at = 0; at < dark.length; at++) if (dark[at]) path += `M${at % size} ${Math.floor(at / size)}h1v1h-1z`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `-4 -4 ${size + 8} ${size + 8}`);
  svg.append(shape("rect", { x: -4, y: -4, width: size + 8, height: size + 8, fill: "#fff" }), shape("path", { d: path }));
  return svg;
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const allWords = version => {
  const places = Math.floor(version / 7) + 2;
  const aligned = version < 2 ? 0 : (25 * places - 10) * places - 55 + (version < 7 ? 0 : 36);
  return Math.floor(((16 * version + 128) * version + 64 - aligned) / 8);
};
const dataWords = version => allWords(version) - EC_BYTES[version - 1] * BLOCKS[version - 1];

function smallest(length) {
  for (let version = 1; version <= BLOCKS.length; version++) {
    if (length + (version < LONG_COUNT ? 2 : 3) <= dataWords(version)) return version;
  }
  throw new RangeError(`${length} bytes are too long for a QR code`);
}

/** The text as data words: mode, length, bytes, and filling. */
function words(bytes, version) {
  const bits = [];
  const put = (value, count) => { while (count--) bits.push((value >> count) & 1); };
  put(4, 4);
  put(bytes.length, version < LONG_COUNT ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  put(0, 4);
  const made = [];
  for (let at = 0; at < bits.length; at += 8) made.push(parseInt(bits.slice(at, at + 8).join("").padEnd(8, "0"), 2));
  for (let fill = 0xec; made.length < dataWords(version); fill ^= 0xfd) made.push(fill);
  return made;
}

const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value & 128 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

function generator(degree) {
  let made = [1];
  for (let power = 0; power < degree; power++) {
    const next = [...made, 0];
    made.forEach((factor, at) => { next[at + 1] ^= times(factor, EXP[power]); });
    made = next;
  }
  return made;
}

function remainder(data, divisor) {
  const rest = new Array(divisor.length - 1).fill(0);
  for (const byte of data) {
    const factor = byte ^ rest.shift();
    rest.push(0);
    rest.forEach((_, at) => { rest[at] ^= times(divisor[at + 1], factor); });
  }
  return rest;
}

/** Data and error correction of all blocks, in the order in which they are drawn. */
function interleaved(data, version) {
  const count = BLOCKS[version - 1], divisor = generator(EC_BYTES[version - 1]);
  const short = Math.floor(data.length / count), firstLong = count - (data.length % count);
  const blocks = [];
  for (let block = 0, at = 0; block < count; block++) {
    const length = short + (block >= firstLong ? 1 : 0);
    blocks.push(data.slice(at, at + length));
    at += length;
  }
  const made = [];
  for (let at = 0; at <= short; at++) for (const block of blocks) if (at < block.length) made.push(block[at]);
  const corrections = blocks.map(block => remainder(block, divisor));
  for (let at = 0; at < divisor.length - 1; at++) for (const correction of corrections) made.push(correction[at]);
  return made;
}

function matrix(version, stream, mask) {
  const size = 17 + 4 * version;
  const dark = new Uint8Array(size * size), fixed = new Uint8Array(size * size);
  const set = (x, y, isDark) => { dark[y * size + x] = isDark ? 1 : 0; fixed[y * size + x] = 1; };
  finders(size, set);
  alignments(version, size, fixed, set);
  formats(version, size, mask, set);
  let bit = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5; // the column of the timing pattern
    for (let step = 0; step < size; step++) {
      for (const x of [right, right - 1]) {
        const y = up ? size - 1 - step : step;
        if (fixed[y * size + x]) continue;
        const value = bit < stream.length * 8 ? (stream[bit >> 3] >> (7 - (bit & 7))) & 1 : 0;
        dark[y * size + x] = value ^ (MASKS[mask](x, y) === 0 ? 1 : 0);
        bit++;
      }
    }
  }
  return { size, dark };
}

function finders(size, set) {
  for (let at = 0; at < size; at++) { set(6, at, at % 2 === 0); set(at, 6, at % 2 === 0); }
  for (const [left, top] of [[0, 0], [size - 7, 0], [0, size - 7]]) {
    for (let dy = -1; dy < 8; dy++) for (let dx = -1; dx < 8; dx++) {
      const x = left + dx, y = top + dy, ring = Math.max(Math.abs(dx - 3), Math.abs(dy - 3));
      if (x >= 0 && x < size && y >= 0 && y < size) set(x, y, ring !== 2 && ring < 4);
    }
  }
}

function alignments(version, size, fixed, set) {
  if (version < 2) return;
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((4 * version + 4) / (2 * count - 2)) * 2;
  const places = [6];
  for (let at = size - 7; places.length < count; at -= step) places.splice(1, 0, at);
  for (const cy of places) for (const cx of places) {
    if (fixed[cy * size + cx] && !(cx === 6 ^ cy === 6)) continue; // a finder is there
    if ((cx === 6 && (cy === 6 || cy === size - 7)) || (cy === 6 && cx === size - 7)) continue;
    for (let dy = -2; dy < 3; dy++) for (let dx = -2; dx < 3; dx++) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
  }
}

/** Level and mask, twice; from version 7 on the version, twice. */
function formats(version, size, mask, set) {
  let rest = mask; // level M is 00
  for (let step = 0; step < 10; step++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const format = ((mask << 10) | rest) ^ 0x5412;
  const bit = at => (format >> at) & 1;
  for (let at = 0; at < 6; at++) set(8, at, bit(at));
  set(8, 7, bit(6)); set(8, 8, bit(7)); set(7, 8, bit(8));
  for (let at = 9; at < 15; at++) set(14 - at, 8, bit(at));
  for (let at = 0; at < 8; at++) set(size - 1 - at, 8, bit(at));
  for (let at = 8; at < 15; at++) set(8, size - 15 + at, bit(at));
  set(8, size - 8, 1);
  if (version < 7) return;
  let tail = version;
  for (let step = 0; step < 12; step++) tail = (tail << 1) ^ ((tail >> 11) * 0x1f25);
  const whole = (version << 12) | tail;
  for (let at = 0; at < 18; at++) {
    const far = size - 11 + (at % 3), near = Math.floor(at / 3);
    set(far, near, (whole >> at) & 1);
    set(near, far, (whole >> at) & 1);
  }
}

/** How hard a mask is to read: long runs, blocks of one colour, what looks like a finder, and too much of one colour. */
function penaltyOf(size, dark) {
  let penalty = 0, count = 0;
  const finder = /(?=10111010000|00001011101)/g;
  for (let line = 0; line < size; line++) {
    let row = "", column = "";
    for (let at = 0; at < size; at++) { row += dark[line * size + at]; column += dark[at * size + line]; }
    for (const text of [row, column]) {
      for (const run of text.match(/0{5,}|1{5,}/g) || []) penalty += run.length - 2;
      penalty += 40 * [...text.matchAll(finder)].length;
    }
    count += row.split("1").length - 1;
  }
  for (let y = 1; y < size; y++) for (let x = 1; x < size; x++) {
    const at = y * size + x;
    if (dark[at] === dark[at - 1] && dark[at] === dark[at - size] && dark[at] === dark[at - size - 1]) penalty += 3;
  }
  return penalty + 10 * Math.floor(Math.abs(count * 20 - size * size * 10) / (size * size));
}
