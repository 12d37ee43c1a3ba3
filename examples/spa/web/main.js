// The routes, and showing what they lead to.

import { app, client, flow, go, loggedIn, next, pending } from "./app.js";
import { h, note, page } from "./ui.js";
import * as account from "./account.js";
import * as emails from "./emails.js";
import * as factors from "./factors.js";
import * as login from "./login.js";
import * as password from "./password.js";
import * as providers from "./providers.js";
import * as sessions from "./sessions.js";
import * as signup from "./signup.js";
import * as verify from "./verify.js";

// [path, who may be there, page]: "anyone", a "guest", a "user", or whoever has
// a flow waiting. A trailing /: takes the rest of the path as an argument.
const routes = [
  ["/login", "guest", login.login],
  ["/login/code", "guest", login.byCode],
  ["/login/confirm", "login_by_code", login.confirm],
  ["/two-step", "mfa_authenticate", login.twoStep],
  ["/trust", "mfa_trust", login.trust],
  ["/reopen", "guest", login.reopen],
  ["/signup", "guest", signup.signup],
  ["/signup/with-passkey", "guest", signup.withPasskey],
  ["/signup/passkey", "mfa_signup_webauthn", signup.passkey],
  ["/signup/provider", "provider_signup", providers.signup],
  ["/provider", "anyone", providers.back],
  ["/verify-email", "verify_email", verify.email],
  ["/verify-email/:", "anyone", verify.emailByLink],
  ["/verify-phone", "verify_phone", verify.phone],
  ["/forgot", "guest", password.forgot],
  ["/reset-password", "password_reset_by_code", password.resetByCode],
  ["/reset-password/:", "anyone", password.resetByLink],
  ["/account", "user", account.overview],
  ["/account/emails", "user", emails.emails],
  ["/account/phone", "user", emails.phone],
  ["/account/password", "user", password.change],
  ["/account/two-step", "user", factors.factors],
  ["/account/keys", "user", factors.keys],
  ["/account/connections", "user", providers.connections],
  ["/account/sessions", "user", sessions.sessions],
  ["/account/close", "user", account.close],
];

const sections = [
  ["/account", "Profile"],
  ["/account/emails", "Email addresses"],
  ["/account/phone", "Phone"],
  ["/account/password", "Password"],
  ["/account/two-step", "Two-step login"],
  ["/account/keys", "Passkeys"],
  ["/account/connections", "Connections"],
  ["/account/sessions", "Sessions"],
  ["/account/close", "Close account"],
];

function find(path) {
  for (const [pattern, who, view] of routes) {
    if (pattern === path) return { who, view };
    if (pattern.endsWith("/:") && path.startsWith(pattern.slice(0, -1))) return { who, view, argument: decodeURIComponent(path.slice(pattern.length - 1)) };
  }
  return null;
}

let leave = new AbortController(); // ends what a page has going on, when it is left
let first = true;

async function show() {
  leave.abort();
  const { signal } = (leave = new AbortController());
  const path = location.pathname;
  if (path === "/") return replace(next(app.who));
  const route = find(path);
  if (route?.who === "guest" && loggedIn()) return replace(next(app.who));
  if (route?.who === "user" && !loggedIn()) {
    app.returnTo = path;
    return replace(next(app.who));
  }
  if (route && !["anyone", "guest", "user"].includes(route.who) && !pending(route.who)) return replace(next(app.who));

  const main = document.querySelector("main");
  main.setAttribute("aria-busy", "true");
  const view = route ? await route.view({ signal, argument: route.argument }) : nowhere();
  if (signal.aborted || !view) return; // somebody has gone on meanwhile
  const inside = path.startsWith("/account") && route;
  document.body.classList.toggle("inside", Boolean(inside));
  document.querySelector("#menu").replaceChildren(...menu(path, inside));
  document.querySelector("#who").replaceChildren(...who());
  document.querySelector("#view").replaceChildren(view);
  const heading = view.querySelector("h1");
  document.title = `${heading.textContent} · Larch`;
  if (!first) heading.focus();
  first = false;
  main.removeAttribute("aria-busy");
}

function replace(path) {
  history.replaceState(null, "", path);
  return show();
}

const nowhere = () => page("There is nothing here", h("p", {}, h("a", { href: "/" }, "Go to the start")));

function menu(path, inside) {
  if (!inside) return [];
  const links = sections
    .filter(([to]) => to !== "/account/connections" || app.config.socialaccount)
    .map(([to, text]) => h("li", {}, h("a", { href: to, "aria-current": to === path && "page" }, text)));
  return [
    h("nav", { class: "sections", "aria-label": "Account" }, h("ul", {}, links)),
    path !== "/account" && h("nav", { class: "back", "aria-label": "Back" }, h("a", { href: "/account" }, "‹ Account")),
  ].filter(Boolean);
}

function who() {
  if (loggedIn()) return [h("button", { type: "button", class: "link", onclick: logout }, "Log out")];
  return flow("signup") ? [h("a", { href: "/login" }, "Log in"), h("a", { href: "/signup" }, "Sign up")] : [h("a", { href: "/login" }, "Log in")];
}

async function logout() {
  await client.logout();
  app.returnTo = null;
  go("/login", "You are logged out.");
}

// Links within the site do not load it anew.
addEventListener("click", (event) => {
  const a = event.target.closest?.("a[href]");
  if (!a || a.origin !== location.origin || a.target || !find(a.pathname) || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(a.pathname);
});
addEventListener("route", show);
addEventListener("popstate", () => {
  note();
  show();
});

// Somebody may have logged in or out in another tab.
addEventListener("visibilitychange", async () => {
  if (document.hidden) return;
  const before = JSON.stringify([app.who?.user?.id, app.who?.waiting?.id]);
  const now = await client.session();
  if (now.state === "failed" || before === JSON.stringify([now.user?.id, now.waiting?.id])) return;
  if (loggedIn() || now.waiting) go(next(now));
  else show();
});

const [config, session] = await Promise.all([client.config(), client.session()]);
if (config.state === "done" && session.state !== "failed") {
  app.config = config.data;
  await show();
} else {
  document.querySelector("#view").replaceChildren(page("The server can't be reached", h("p", {}, h("a", { href: "" }, "Try again"))));
  document.querySelector("main").removeAttribute("aria-busy");
}
