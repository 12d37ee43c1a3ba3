// What every page shares: the client, who is here, and where to go next.

import { createClient } from "./client.js";
import { button, codeField, dialog, form, h, note, reason } from "./ui.js";

/** The site's configuration, and the last answer that told who is here. */
export const app = {
  config: null,
  who: null,
  returnTo: null, // where somebody wanted to go when they had to log in
  sentTo: {}, // the email and phone that codes went to: the API does not repeat it
};

export const client = createClient({ onAuthentication: (answer) => (app.who = answer) });

export const loggedIn = () => app.who?.state === "authenticated";
export const flow = (id) => (app.who?.state === "pending" ? app.who.flows.find((f) => f.id === id) : undefined);
export const pending = (id) => flow(id)?.is_pending ?? false;

/** The page of each flow that can be waiting. */
const pages = {
  login_by_code: "/login/confirm",
  verify_phone: "/verify-phone",
  verify_email: "/verify-email",
  mfa_authenticate: "/two-step",
  mfa_trust: "/trust",
  mfa_signup_webauthn: "/signup/passkey",
  provider_signup: "/signup/provider",
  password_reset_by_code: "/reset-password",
};

/** next is where an answer leads. */
export function next(answer) {
  if (answer.state !== "authenticated") return pages[answer.waiting?.id] ?? "/login";
  const to = app.returnTo ?? "/account";
  app.returnTo = null;
  return to;
}

/** settle goes where an answer leads; a refusal it hands back, for a form to show. */
export function settle(answer) {
  if (answer.state !== "authenticated" && answer.state !== "pending") return answer;
  go(next(answer));
}

/** go moves on, with something to say there. */
export function go(path, text = "") {
  note(text);
  history.pushState(null, "", path);
  dispatchEvent(new Event("route"));
}

/** refresh shows the present page anew. */
export const refresh = (text) => {
  note(text);
  dispatchEvent(new Event("route"));
};

/**
 * ask makes a call for somebody who is logged in. If they have to prove again
 * who they are, they are asked to, and then the call is made once more. Whoever
 * turns out not to be logged in any more goes to log in.
 */
export async function ask(call) {
  for (;;) {
    const answer = await call();
    if (answer.state !== "pending") return answer;
    if (!answer.reauthenticate) {
      app.returnTo = location.pathname;
      go(next(answer), "You are not logged in any more.");
      return answer;
    }
    if (!(await reauthenticate(answer))) return { state: "cancelled" };
  }
}

/** act is ask for buttons: it says what went wrong, and returns only what went well. */
export async function act(call) {
  const answer = await ask(call);
  if (answer.state === "done" || answer.state === "authenticated") return answer;
  if (answer.state !== "pending" && answer.state !== "cancelled") note(reason(answer));
  return null;
}

/** proveAgain has somebody prove who they are, though no call has asked for it. */
export async function proveAgain() {
  const factors = await ask(client.authenticators);
  if (factors.state !== "done") return false;
  const types = factors.data.map((a) => a.type);
  return reauthenticate({
    flows: [...(app.who.user.has_usable_password ? [{ id: "reauthenticate" }] : []), ...(types.length ? [{ id: "mfa_reauthenticate", types }] : [])],
  });
}

// reauthenticate asks for one of the proofs that somebody can give.
function reauthenticate({ flows }) {
  const can = (id) => flows.find((f) => f.id === id);
  return dialog("Is it still you?", (close) => {
    const settled = (answer) => (answer.state === "authenticated" ? close(true) : answer);
    const wrong = h("div", { class: "alert", role: "alert" });
    const ways = [];
    if (can("reauthenticate")) {
      ways.push(form({
        fields: [{ name: "password", label: "Your password", type: "password", required: true, autocomplete: "current-password" }],
        text: "Confirm",
        submit: async ({ password }) => settled(await client.reauthenticate(password)),
      }));
    }
    const types = can("mfa_reauthenticate")?.types ?? [];
    if (types.some((t) => t !== "webauthn")) {
      ways.push(form({
        fields: [codeField({ label: "A code from your authenticator app, or a recovery code", inputmode: "numeric" })],
        text: "Confirm by code",
        kind: "plain",
        submit: async ({ code }) => settled(await client.reauthenticateByCode(code)),
      }));
    }
    if (types.includes("webauthn")) {
      ways.push(h("p", {}, button("Use a passkey or security key", async () => {
        const refused = settled(await client.reauthenticateByKey());
        if (refused) wrong.textContent = reason(refused);
      }, "plain")));
    }
    return [h("p", { class: "quiet" }, "This is a sensitive step, and you logged in a while ago."), wrong, ways, h("p", {}, button("Cancel", () => close(false), "link"))];
  });
}

/** identifier tells what somebody typed to say who they are. */
export function identifier(text) {
  text = text.trim();
  const methods = app.config.account.login_methods;
  if (methods.includes("phone") && /^\+?[\d\s().-]{5,}$/.test(text)) return { phone: text.replace(/[^\d+]/g, "") };
  if (methods.includes("email") && (text.includes("@") || !methods.includes("username"))) return { email: text };
  return { username: text };
}
