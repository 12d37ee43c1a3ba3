// Forgotten passwords, and changing one.

import { app, ask, client, go, next, refresh, settle } from "./app.js";
import { again, mailbox, sentTo } from "./login.js";
import { codeField, form, h, page } from "./ui.js";

const fresh = { label: "New password", type: "password", required: true, autocomplete: "new-password", hint: "At least 8 characters, and not a common one." };

export const forgot = () =>
  page(
    "Forgot your password?",
    h("p", {}, app.config.account.password_reset_by_code_enabled ? "We'll mail you a code to set a new one." : "We'll mail you a link to set a new one."),
    form({
      fields: [{ name: "email", label: "Email", type: "email", required: true, autocomplete: "username" }],
      text: "Send it",
      submit: async ({ email }) => {
        const answer = await client.requestPasswordReset(email);
        app.sentTo = { email };
        if (answer.state === "done") return go("/login", "A link is on its way to your mailbox.");
        if (answer.state === "pending") return go("/reset-password");
        return settle(answer);
      },
      also: h("a", { href: "/login" }, "Back"),
    }),
  );

// reset is told apart by what proves whose password it is.
const reset = (key) => ({ text: "Set the password", submit: async (values) => {
  const answer = await client.resetPassword(key ?? values.code, values.password);
  if (answer.state === "pending" && !answer.waiting) return go(next(answer), "Your password is set. Log in with it.");
  return again(answer);
} });

export const resetByCode = () =>
  page(
    "Set a new password",
    h("p", {}, "We have sent a code to ", sentTo("email", "your address"), ". ", mailbox()),
    form({
      // Codes are "key" on the wire here.
      fields: [codeField({ params: ["key"] }), { name: "password", ...fresh }],
      ...reset(),
      also: h("a", { href: "/forgot" }, "Back"),
    }),
  );

export async function resetByLink({ argument: key }) {
  const answer = await client.userOfResetKey(key);
  if (answer.state !== "done") return page("This link is no longer good", h("p", {}, "It was used before, or it is too old. ", h("a", { href: "/forgot" }, "Ask for another")));
  const { user } = answer.data;
  return page(
    "Set a new password",
    h("p", {}, "For ", h("strong", {}, user.email ?? user.display), "."),
    form({ fields: [{ name: "password", ...fresh }], ...reset(key) }),
  );
}

export function change() {
  const has = app.who.user.has_usable_password;
  return page(
    has ? "Change your password" : "Set a password",
    !has && h("p", {}, "You have logged in without one so far."),
    form({
      fields: [has && { name: "current_password", label: "Current password", type: "password", required: true, autocomplete: "current-password" }, { name: "new_password", ...fresh }].filter(Boolean),
      text: has ? "Change it" : "Set it",
      submit: async (fields) => {
        const answer = await ask(() => client.changePassword(fields));
        if (answer.state === "authenticated") return refresh("Your password is set. Your other sessions have ended.");
        if (answer.state !== "pending") return answer;
      },
    }),
  );
}
