// Makes the phone's key when a form is sent that offers one, and shows that it has the private half.
import { RESIDENT, base64, canKeep, keep, load, make, point, sign } from "./keys.js";

for (const form of document.querySelectorAll("form[data-register]")) {
  if (canKeep()) form.addEventListener("submit", event => { event.preventDefault(); offer(form); }, { once: true });
  else for (const told of form.querySelectorAll("[data-insecure]")) told.hidden = false;
}

async function offer(form) {
  const name = form.dataset.keep ?? RESIDENT;
  try {
    // A rider who comes again is known by the key; residents make another whenever they register.
    const pair = (form.dataset.keep && await load(name)) || await make();
    const said = new TextEncoder().encode(`hg-phone-1:${form.dataset.register}:${form.dataset.challenge}`);
    form.elements.key.value = base64(await point(pair));
    form.elements.proof.value = base64(await sign(pair, said));
    await keep(pair, name);
  } catch {
    form.elements.key.value = form.elements.proof.value = ""; // a browser that keeps nothing: the key is held for it
  }
  form.submit();
}
