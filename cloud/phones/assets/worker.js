// Keeps the page of a pass, and what draws it, for when there is no network. Everything else goes to the network.
// A page of a pass names its key, so it is fetched again with each visit, where a new one may have been made.
const CACHE = "pass-1";
const OF_VISITOR = new URL(self.location).searchParams.get("page"); // else it is the resident's
const PASS = OF_VISITOR ?? "/me/pass", HOME = OF_VISITOR ?? "/me";
const ASSETS = ["phone.css", "pass.js", "register.js", "keys.js", "qr.js", "short.js"].map(name => `/assets/phones/${name}`);

self.addEventListener("install", event => event.waitUntil(keepAll().then(() => self.skipWaiting())));
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => {
  const { request } = event, { pathname } = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    event.respondWith(navigate(request));
    if (pathname === HOME || pathname === PASS) event.waitUntil(keepPass().catch(() => {})); // offline: it stays
  } else if (ASSETS.includes(pathname)) event.respondWith(fetch(request).catch(() => kept(pathname)));
});

async function navigate(request) {
  try {
    return await fetch(request);
  } catch (gone) {
    return (await kept(PASS)) ?? Promise.reject(gone);
  }
}

const opened = () => caches.open(CACHE);
const kept = async path => (await opened()).match(path);
const keepAll = async () => Promise.all([(await opened()).addAll(ASSETS), keepPass()]);

/** A pass that has ended is kept no longer. */
async function keepPass() {
  const cache = await opened(), answer = await fetch(PASS);
  if (answer.ok) await cache.put(PASS, answer);
  else if (answer.status < 500) await cache.delete(PASS);
}
