// Whether something may not be taken from under somebody: who types, has opened something, or looks elsewhere.
export function busy(part = document) {
  const fields = [...part.querySelectorAll("input:not([type=hidden]), textarea")];
  const typed = fields.some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
  return typed || document.hidden || Boolean(part.querySelector("dialog[open], details[open]"));
}
