// The key of this phone: made in the browser, which never gives its private half away, and kept in it.
const DATABASE = "hearthgate", STORE = "keys";
export const RESIDENT = "phone"; // a rider's key lies beside it, under another name

/** Whether this browser can make and keep a key: it cannot in a page that came over plain http. */
export const canKeep = () => Boolean(self.isSecureContext && crypto.subtle && self.indexedDB);

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function store(mode) {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return (await done(opening)).transaction(STORE, mode).objectStore(STORE);
}

/** The pair of keys that is kept here under a name, or undefined. */
export const load = async (name = RESIDENT) => done((await store("readonly")).get(name));
export const keep = async (pair, name = RESIDENT) => done((await store("readwrite")).put(pair, name));
export const make = () => crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);

/** ES256: 64 bytes, r before s. */
export async function sign(pair, bytes) {
  return new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, bytes));
}

/** The public point: 65 bytes, and compressed 33. */
export const point = async pair => new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
export const compressed = raw => Uint8Array.of(2 + (raw[64] & 1), ...raw.slice(1, 33));

/** The 8 bytes that name the key on a pass. */
export async function idOf(pair) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", compressed(await point(pair)))).slice(0, 8);
}

export const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
export const base64 = bytes => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
