// The front end: a view for each #hash, and the API's answers to choose it by.

const api = "/_allauth/browser/v1";
const $ = (selector, root = document) => root.querySelector(selector);
const cookie = (name) => document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1];

// call asks the API. Answers have a status, and data, meta or errors.
async function call(method, path, body, headers = {}) {
  if (method !== "GET") headers["X-CSRFToken"] = cookie("csrftoken") ?? "";
  const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
  return answer.json();
}

const note = (text = "") => {
  $("#note").textContent = text;
  $("#note").hidden = !text;
};

// show makes one view visible and fills in what it tells.
function show(name, values = {}) {
  for (const view of document.querySelectorAll("[data-view]")) {
    view.hidden = view.dataset.view !== name;
    forget(view);
  }
  const view = $(`[data-view="${name}"]`);
  for (const place of view.querySelectorAll("[data-show]")) place.textContent = values[place.dataset.show] ?? "–";
  document.title = `${$("h1", view).textContent} · Quickstart`;
  ($("input:not([hidden])", view) ?? $("button", view))?.focus();
}

const forget = (view) => {
  for (const e of view.querySelectorAll(".error")) e.remove();
  for (const i of view.querySelectorAll("[aria-invalid]")) {
    i.removeAttribute("aria-invalid");
    i.removeAttribute("aria-describedby");
  }
};

// complain puts errors next to the fields they are about.
function complain(view, answer) {
  note(answer.status === 429 ? "That was too often. Wait a moment." : "");
  for (const { param, message } of answer.errors ?? []) {
    const field = param && view.elements[param];
    if (!field || field.hidden) {
      note(message);
      continue;
    }
    const id = `${view.dataset.view}-${param}-error`;
    let error = document.getElementById(id);
    if (!error) {
      error = Object.assign(document.createElement("p"), { className: "error", id });
      field.closest("label").after(error);
    }
    error.append(message, " ");
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", id);
    field.focus();
  }
}

const waits = (answer) => answer.data?.flows?.find((flow) => flow.is_pending)?.id;

// route shows what the address asks for, as far as the session allows.
async function route() {
  const [name, key] = location.hash.slice(1).split("/");
  if (name === "verify-email" && key) {
    const info = await call("GET", "/auth/email/verify", null, { "X-Email-Verification-Key": key });
    if (info.status === 200) return show(name, info.data);
    return go("login", "This link is no longer good. Log in to get another.");
  }
  if (name === "reset-password" && key) {
    const info = await call("GET", "/auth/password/reset", null, { "X-Password-Reset-Key": key });
    if (info.status !== 200) return go("forgot", "This link is no longer good. Ask for another.");
    show(name, info.data.user);
    $('[data-view="reset-password"]').elements.username.value = info.data.user.email;
    return;
  }
  const session = await call("GET", "/auth/session");
  if (session.status === 200) {
    const me = await (await fetch("/me")).text();
    return show("account", { ...session.data.user, me });
  }
  show(["signup", "forgot", "sent"].includes(name) ? name : "login");
}

// go moves on to a view, with something to say.
function go(name, text) {
  note(text);
  if (location.hash === `#${name}`) route();
  else location.hash = name;
}

const submit = {
  async login(form) {
    const answer = await call("POST", "/auth/login", { email: form.email.value, password: form.password.value });
    if (answer.status === 200) return go("account");
    if (waits(answer) === "verify_email") return go("sent", "Confirm your address first.");
    return answer;
  },
  async signup(form) {
    const answer = await call("POST", "/auth/signup", { email: form.email.value, password: form.password.value });
    if (answer.status === 200) return go("account");
    if (waits(answer) === "verify_email") return go("sent", "Welcome! Confirm your address to go on.");
    return answer;
  },
  async forgot(form) {
    const answer = await call("POST", "/auth/password/request", { email: form.email.value });
    if (answer.status === 200) return go("sent");
    return answer;
  },
  async "verify-email"() {
    const answer = await call("POST", "/auth/email/verify", { key: location.hash.split("/")[1] });
    if (answer.errors) return answer;
    return answer.status === 200 ? go("account") : go("login", "Your address is confirmed. Log in now.");
  },
  async "reset-password"(form) {
    const answer = await call("POST", "/auth/password/reset", { key: location.hash.split("/")[1], password: form.password.value });
    if (answer.errors) return answer;
    return answer.status === 200 ? go("account") : go("login", "Your password is set. Log in with it.");
  },
  async account() {
    await call("DELETE", "/auth/session");
    go("login", "You are logged out.");
  },
};

addEventListener("submit", async (event) => {
  event.preventDefault();
  const view = event.target;
  const button = $("button", view);
  forget(view);
  note();
  button.disabled = true;
  try {
    const refused = await submit[view.dataset.view](view.elements);
    if (refused) complain(view, refused);
    else view.reset();
  } catch {
    note("The server can't be reached.");
  } finally {
    button.disabled = false;
  }
});
addEventListener("hashchange", route);
for (const link of document.querySelectorAll('a[href^="#"]')) link.addEventListener("click", () => note());
route();
