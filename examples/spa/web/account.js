// The start page of somebody who is logged in, and closing the account.

import { act, app, client, go, next } from "./app.js";
import { button, group, h, page, rows, sure, time } from "./ui.js";

const proofs = {
  password: "your password",
  password_reset: "resetting your password",
  code: "a code that we sent",
  socialaccount: "another site",
  mfa: { totp: "your authenticator app", recovery_codes: "a recovery code", webauthn: "a passkey or security key" },
};

export function overview() {
  const { user, methods } = app.who;
  const facts = [
    ["Name", user.name],
    ["Email", user.email],
    ["What brings you here", user.purpose],
    ["Password", user.has_usable_password ? "Set" : "None"],
  ].filter(([, value]) => value);
  return page(
    `Hello, ${user.display}`,
    h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    group("How you showed who you are",
      rows(methods, (m) => [h("span", {}, `By ${proofs[m.method][m.type] ?? proofs[m.method] ?? m.method}${m.provider ? ` (${m.provider})` : ""}`), h("span", { class: "quiet" }, time(m.at))],
        "You have just signed up: nothing has been asked of you yet.")),
  );
}

async function end(call, title, text, yes, said) {
  if (!(await sure(title, text, yes))) return;
  const answer = await act(call);
  if (answer) return; // still logged in: it was refused
  if (app.who.state === "pending") go(next(app.who), said);
}

export const close = () =>
  page(
    "Close your account",
    group("For now",
      h("p", {}, "Nobody can log in any more, and you are logged out everywhere. You can open the account again whenever you like."),
      h("div", { class: "actions" }, button("Close it for now", () => end(client.deactivate, "Close your account for now?", "You will be logged out everywhere.", "Close it", "Your account is closed."), "plain"))),
    group("For ever",
      h("p", {}, "Everything that belongs to the account is deleted. There is no way back."),
      h("div", { class: "actions" }, button("Delete the account", () => end(client.deleteAccount, "Delete your account?", "There is no way back.", "Delete it", "Your account is deleted."), "danger"))),
  );
