// Tells when something new has come.

async function look() {
  if (document.hidden) return;
  const { total } = await (await fetch("/mailbox?json")).json();
  const place = document.querySelector("#note");
  if (String(total) === document.body.dataset.total || !place.classList.contains("empty")) return;
  const link = Object.assign(document.createElement("a"), { href: "/mailbox", textContent: "Something new has come" });
  place.classList.remove("empty");
  place.replaceChildren(link);
}

const tryToLook = () => look().catch(() => {}); // the server may be gone
setInterval(tryToLook, 2000);
// Whoever comes back from another tab wants to see it at once.
addEventListener("visibilitychange", () => document.hidden || location.reload());
