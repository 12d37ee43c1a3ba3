// Making an account.

import { app, client, flow, settle } from "./app.js";
import { hasPasskeys } from "./client.js";
import { startOver } from "./login.js";
import { providerButtons } from "./providers.js";
import { button, form, h, note, page, reason } from "./ui.js";

/** What every account of this site is asked for besides its address. See site.go. */
export const details = ({ name = "" } = {}) => [
  { name: "name", label: "Your name", required: true, autocomplete: "name", value: name },
  { name: "purpose", label: "What brings you here?", type: "select", options: ["Work", "Studies", "Curiosity"] },
  { name: "terms", label: "I accept the terms of use", type: "checkbox", required: true },
];

const email = { name: "email", label: "Email", type: "email", required: true, autocomplete: "username" };

const closed = () => page("Signing up is closed", h("p", {}, h("a", { href: "/login" }, "Log in")));

export function signup() {
  if (!flow("signup")) return closed();
  return page(
    "Make an account",
    form({
      fields: [
        email,
        { name: "password", label: "Password", type: "password", required: true, autocomplete: "new-password", hint: "At least 8 characters, and not a common one." },
        { name: "phone", label: "Phone", type: "tel", autocomplete: "tel", hint: "With country code, such as +31612345678." },
        ...details(),
      ],
      text: "Sign up",
      submit: async (fields) => {
        app.sentTo = { email: fields.email, phone: fields.phone };
        return settle(await client.signup({ ...fields, phone: fields.phone.replace(/[\s().-]/g, "") }));
      },
    }),
    h("div", { class: "ways" },
      h("p", { class: "or" }, "or"),
      // A passkey needs an address that is verified on the way.
      app.config.mfa?.passkey_login_enabled && app.config.account.email_verification_by_code_enabled && hasPasskeys() &&
        h("a", { class: "button plain", href: "/signup/with-passkey" }, "Sign up with a passkey"),
      providerButtons("login")),
    h("p", { class: "also" }, "Have an account? ", h("a", { href: "/login" }, "Log in")),
  );
}

export function withPasskey() {
  if (!flow("signup")) return closed();
  return page(
    "Sign up with a passkey",
    h("p", {}, "No password to remember: your device will know you by your fingerprint, face or PIN."),
    form({
      fields: [email, ...details()],
      text: "Go on",
      submit: async (fields) => {
        app.sentTo = { email: fields.email };
        return settle(await client.signupByPasskey(fields));
      },
      also: h("a", { href: "/signup" }, "Back"),
    }),
  );
}

export const passkey = () =>
  page(
    "Make your passkey",
    h("p", {}, "Your address is confirmed. Your device now makes a passkey for you."),
    h("div", { class: "actions" }, button("Make the passkey", async () => {
      const refused = settle(await client.createSignupPasskey());
      if (refused) note(reason(refused));
    })),
    h("div", { class: "ways" }, startOver()),
  );
