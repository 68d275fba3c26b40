// Keeps the page of the pass, and what draws it, for when there is no network. Everything else goes to the network.
const CACHE = "pass-1";
const PASS = "/me/pass";
const SHELL = [PASS, ...["phone.css", "pass.js", "register.js", "keys.js", "qr.js", "short.js"].map(name => `/assets/phones/${name}`)];

self.addEventListener("install", event => event.waitUntil(refresh().then(() => self.skipWaiting())));
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => {
  const { request } = event, { pathname } = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(navigate(request, pathname));
  else if (SHELL.includes(pathname)) event.respondWith(fetch(request).catch(() => kept(pathname)));
});

async function navigate(request, pathname) {
  try {
    const answer = await fetch(request);
    if (pathname === PASS && answer.ok) await (await caches.open(CACHE)).put(PASS, answer.clone());
    return answer;
  } catch (gone) {
    return (await kept(PASS)) ?? Promise.reject(gone);
  }
}

const kept = async path => (await caches.open(CACHE)).match(path);
const refresh = async () => (await caches.open(CACHE)).addAll(SHELL);
