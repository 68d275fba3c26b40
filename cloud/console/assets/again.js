// Asks for the page again while an answer is awaited, but never from under somebody who types or has opened something,
// and not while nobody looks.
// Without scripts, the page asks by itself.
const awaiting = document.querySelector("meta[name=again]");

function busy() {
  const fields = [...document.querySelectorAll("input:not([type=hidden]), textarea")];
  const typed = fields.some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
  return typed || document.hidden || document.querySelector("dialog[open], details[open]");
}

setInterval(() => busy() || location.reload(), awaiting.content * 1000);
