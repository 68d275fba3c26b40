// Keeps the page of the pass, and what draws it, for when there is no network. Everything else goes to the network.
// The page of the pass names the key, so it is fetched again with the first page, where a new one is made.
const CACHE = "pass-1";
const HOME = "/me", PASS = "/me/pass";
const SHELL = [PASS, ...["phone.css", "pass.js", "register.js", "keys.js", "qr.js", "short.js"].map(name => `/assets/phones/${name}`)];

self.addEventListener("install", event => event.waitUntil(refresh(SHELL).then(() => self.skipWaiting())));
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => {
  const { request } = event, { pathname } = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    event.respondWith(navigate(request));
    if (pathname === HOME || pathname === PASS) event.waitUntil(refresh([PASS]).catch(() => {})); // offline: it stays
  } else if (SHELL.includes(pathname)) event.respondWith(fetch(request).catch(() => kept(pathname)));
});

async function navigate(request) {
  try {
    return await fetch(request);
  } catch (gone) {
    return (await kept(PASS)) ?? Promise.reject(gone);
  }
}

const kept = async path => (await caches.open(CACHE)).match(path);
const refresh = async paths => (await caches.open(CACHE)).addAll(paths);
