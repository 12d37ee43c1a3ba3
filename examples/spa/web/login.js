// Logging in: by password, code or passkey, and the steps that may follow.

import { app, client, flow, go, identifier, loggedIn, settle } from "./app.js";
import { canSuggestPasskeys, hasPasskeys } from "./client.js";
import { providerButtons } from "./providers.js";
import { button, codeField, form, h, note, page, reason } from "./ui.js";

const who = () => ({
  name: "login",
  label: "Email or phone number",
  params: ["email", "phone", "username"],
  required: true,
  autocapitalize: "none",
  spellcheck: "false",
});

/** startOver leaves a login that is half done. */
export const startOver = (text = "Start over") =>
  button(text, async () => {
    await client.logout();
    go("/login");
  }, "link");

export function login({ signal }) {
  const passkeys = flow("mfa_login_webauthn") && hasPasskeys();
  return page(
    "Log in",
    form({
      fields: [
        { ...who(), autocomplete: passkeys ? "username webauthn" : "username" },
        { name: "password", label: "Password", type: "password", required: true, autocomplete: "current-password" },
      ],
      text: "Log in",
      submit: async ({ login, password }) => {
        const id = identifier(login);
        let answer = await client.login({ ...id, password });
        if (answer.state === "conflict") answer = await client.session(); // logged in already
        if (answer.state !== "pending" || answer.waiting) {
          Object.assign(app.sentTo, id);
          return settle(answer);
        }
        // The password is right, and yet nothing is to be done: the account is closed.
        go("/reopen", "This account is closed.");
      },
      also: h("a", { href: "/forgot" }, "Forgot your password?"),
    }),
    h("div", { class: "ways" },
      h("p", { class: "or" }, "or"),
      passkeys && passkeyButton(signal),
      flow("login_by_code") && h("a", { class: "button plain", href: "/login/code" }, "Get a code to log in"),
      providerButtons("login")),
    flow("signup") && h("p", { class: "also" }, "New here? ", h("a", { href: "/signup" }, "Make an account")),
  );
}

// suggestPasskeys waits until somebody picks a passkey from the suggestions of
// the first field, or leaves the page, or presses the button instead. A
// challenge is good for ten minutes: then the page asks for another, as it does a
// few times if the server can't answer.
async function suggestPasskeys(stopped) {
  if (!(await canSuggestPasskeys())) return;
  let failed = 0;
  while (!stopped.aborted) {
    const answer = await client.loginByPasskey({ mediation: "conditional", signal: AbortSignal.any([stopped, AbortSignal.timeout(9 * 60_000)]) });
    if (stopped.aborted && answer.state !== "authenticated") return;
    const refused = settle(answer);
    if (!refused) return;
    if (refused.state === "invalid") note(reason(refused)); // what was picked won't do
    else if (refused.state === "failed" && ++failed < 4) await new Promise((next) => setTimeout(next, 500 * failed));
    else if (refused.state !== "cancelled" || refused.error.name !== "TimeoutError") return;
  }
}

// passkeyButton stops the waiting first: a browser does one thing at a time.
function passkeyButton(left) {
  let stop, waiting;
  const wait = () => {
    stop = new AbortController();
    waiting = suggestPasskeys(AbortSignal.any([left, stop.signal]));
  };
  wait();
  return button("Log in with a passkey", async () => {
    stop.abort();
    await waiting;
    if (loggedIn()) return; // somebody was quicker
    const refused = settle(await client.loginByPasskey());
    if (!refused) return;
    note(reason(refused));
    wait();
  }, "plain");
}

export const byCode = () =>
  page(
    "Log in with a code",
    h("p", {}, "We send it to your address or your phone. It is good for a few minutes."),
    form({
      fields: [{ ...who(), autocomplete: "username" }],
      text: "Send the code",
      submit: async ({ login }) => {
        const id = identifier(login);
        app.sentTo = id;
        return settle(await client.requestLoginCode(id));
      },
      also: h("a", { href: "/login" }, "Back"),
    }),
  );

export const confirm = () =>
  page(
    "Enter the code",
    h("p", {}, "We have sent it to ", sentTo("email", sentTo("phone", "you")), ". ", mailbox()),
    form({
      fields: [codeField()],
      text: "Log in",
      submit: async ({ code }) => again(await client.confirmLoginCode(code)),
    }),
    h("div", { class: "ways" }, resend(client.resendLoginCode), startOver()),
  );

/** again settles an answer to a code; when no more are taken, the way begins anew. */
export function again(answer) {
  if (answer.state !== "conflict") return settle(answer);
  client.session().then((session) => {
    if (session.state === "pending" && !session.waiting) go("/login", "No more codes are taken. Begin again.");
  });
  return answer;
}

/** resend is a button that has the code sent again. */
export const resend = (call) =>
  button("Send another code", async () => {
    const answer = await call();
    note(answer.state === "done" ? "Another code is on its way." : answer.state === "conflict" ? "No more codes can be sent. Start over to get another." : reason(answer));
  }, "link");

/** sentTo is where a code went, as far as that is known. */
export const sentTo = (what, otherwise) => (app.sentTo[what] ? h("strong", {}, app.sentTo[what]) : otherwise);

/** mailbox links to where this example's mails are. */
export const mailbox = () => h("a", { href: "/mailbox", target: "_blank" }, "Open the mailbox", h("span", { class: "hidden" }, " in a new tab"));

export function twoStep() {
  const { types } = flow("mfa_authenticate");
  const totp = types.includes("totp");
  const byKey = async () => {
    const refused = settle(await client.authenticateByKey());
    if (refused) note(reason(refused));
  };
  return page(
    "One more step",
    types.includes("webauthn") && h("div", { class: "ways" }, button("Use your security key", byKey), types.length > 1 && h("p", { class: "or" }, "or")),
    types.some((t) => t !== "webauthn") &&
      form({
        fields: [codeField({
          label: totp ? "Code from your authenticator app" : "Recovery code",
          hint: totp && types.includes("recovery_codes") ? "Lost your phone? Enter a recovery code instead." : undefined,
          inputmode: "numeric",
        })],
        text: "Go on",
        kind: types.includes("webauthn") ? "plain" : "",
        submit: async ({ code }) => settle(await client.authenticateByCode(code)),
      }),
    h("div", { class: "ways" }, startOver()),
  );
}

export const trust = () =>
  page(
    "Trust this browser?",
    h("p", {}, "If nobody else uses it, you can leave out the second step here for two weeks."),
    h("div", { class: "actions" },
      button("Trust it", async () => settle(await client.trustBrowser(true))),
      button("Not this time", async () => settle(await client.trustBrowser(false)), "plain")),
  );

export const reopen = () =>
  page(
    "Open your account again",
    h("p", {}, "A closed account comes back as it was when you log in here."),
    form({
      fields: [
        { ...who(), autocomplete: "username" },
        { name: "password", label: "Password", type: "password", required: true, autocomplete: "current-password" },
      ],
      text: "Open it again",
      submit: async ({ login, password }) => settle(await client.reactivate({ ...identifier(login), password })),
      also: h("a", { href: "/login" }, "Back"),
    }),
  );
