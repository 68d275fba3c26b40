// Neighbours that say the same of several points become one line, which opens to show the others.
export function fold(list) {
  for (const line of [...list.children]) {
    const newer = line.previousElementSibling;
    if (!line.dataset.alike || newer?.dataset.alike !== line.dataset.alike) continue;
    const others = [...line.querySelectorAll(".line")];
    line.querySelector("details")?.remove();
    const into = group(newer);
    into.append(line, ...others);
    into.previousElementSibling.textContent = newer.dataset.more.replace("#", into.children.length);
  }
}

function group(line) {
  const old = line.querySelector("details ol");
  if (old) return old;
  const made = document.createElement("details");
  made.append(document.createElement("summary"), document.createElement("ol"));
  line.append(made);
  return made.lastElementChild;
}

document.querySelectorAll(".lines").forEach(fold);
