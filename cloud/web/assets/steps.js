// Shows the steps of a grave deed in a dialog. Without it, each step is a page of its own.
const dialog = document.createElement("dialog");

async function show(link) {
  try {
    const answer = await fetch(link.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const step = page.getElementById("steps");
    if (!answer.ok || !step) throw new Error(answer.status);
    step.classList.remove("narrow");
    dialog.replaceChildren(step);
    dialog.setAttribute("aria-labelledby", "steps-title");
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("input:not([type=hidden])")?.focus();
  } catch {
    location.assign(link.href);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link?.hasAttribute("data-steps")) {
    event.preventDefault();
    show(link);
  } else if (link && dialog.contains(link)) {
    event.preventDefault();
    dialog.close();
  }
});

if (!document.getElementById("steps")) document.body.append(dialog);
