// Asks for the page again while an answer is awaited, but never from under somebody who types or has opened something.
// Without scripts, the page asks by itself.
const awaiting = document.querySelector("meta[name=again]");

function busy() {
  const fields = [...document.querySelectorAll("input:not([type=hidden]), textarea")];
  return fields.some((field) => field.value !== field.defaultValue) || document.querySelector("dialog[open], details[open]");
}

setInterval(() => busy() || location.reload(), awaiting.content * 1000);
