// A short pass as text: a COSE_Sign1 (RFC 9052) of a key's name and a moment, in base32 that no keyboard layout changes.
const ES256 = [0x43, 0xa1, 0x01, 0x26]; // the protected header: algorithm -7
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The claim of a CWT (RFC 8392) that says when it was made, as a byte string. */
const madeAt = atS => [0x47, 0xa1, 0x06, 0x1a, atS >>> 24, (atS >>> 16) & 255, (atS >>> 8) & 255, atS & 255];

/** The bytes of a short pass. `sign` answers with 64 bytes. */
export async function shortPass(id, atS, sign) {
  const context = [0x84, 0x6a, ...new TextEncoder().encode("Signature1")];
  const signature = await sign(Uint8Array.of(...context, ...ES256, 0x40, ...madeAt(atS)));
  return Uint8Array.of(0x84, ...ES256, 0xa1, 0x04, 0x48, ...id, ...madeAt(atS), 0x58, 0x40, ...signature);
}

/** A pass that the cloud has signed, with a short pass of the phone that it names. */
export const carriedPass = (carried, short) => Uint8Array.of(0x82, ...byteString(carried), ...byteString(short));

function byteString(bytes) {
  const head = bytes.length < 24 ? [0x40 + bytes.length] : bytes.length < 256 ? [0x58, bytes.length] : [0x59, bytes.length >> 8, bytes.length & 255];
  return [...head, ...bytes];
}

/** What a reader reads. */
export function passText(bytes) {
  let text = "HG1", held = 0, bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += LETTERS[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits ? text + LETTERS[(held << (5 - bits)) & 31] : text;
}
