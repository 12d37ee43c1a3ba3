// One's email addresses and phone number.

import { act, app, ask, client, refresh, settle } from "./app.js";
import { mailbox } from "./login.js";
import { badge, button, codeField, form, group, h, note, page, rows, sure } from "./ui.js";

export async function emails() {
  const answer = await act(client.emails);
  if (!answer) return null;
  const byCode = app.config.account.email_verification_by_code_enabled;
  return page(
    "Email addresses",
    rows(answer.data, (e) => [
      h("span", {}, h("span", { class: "name" }, e.email), " ", e.primary && badge("primary"), " ", !e.verified && badge("not confirmed", "warn")),
      h("span", { class: "actions" },
        e.verified && !e.primary && button("Make primary", async () => (await act(() => client.makePrimary(e.email))) && refresh(`${e.email} is your primary address now.`), "link"),
        !e.verified && button(byCode ? "Send another code" : "Send the link again", async () => (await act(() => client.sendVerification(e.email))) && note(`A mail is on its way to ${e.email}.`), "link"),
        !e.primary && button("Remove", async () => {
          if (!(await sure("Remove this address?", e.email, "Remove"))) return;
          if (await act(() => client.removeEmail(e.email))) refresh(`${e.email} is removed.`);
        }, "link")),
      !e.verified && byCode && form({
        fields: [codeField({ label: `Code that we sent to ${e.email}`, params: ["key"] })],
        text: "Confirm",
        submit: async ({ code }) => {
          const answer = await client.verifyEmail(code);
          if (answer.state !== "authenticated") return settle(answer);
          refresh(`${e.email} is confirmed.`);
        },
      }),
    ]),
    group("Another address",
      form({
        fields: [{ name: "email", label: "Email", type: "email", required: true, autocomplete: "email" }],
        text: "Add it",
        submit: async ({ email }) => {
          const answer = await ask(() => client.addEmail(email));
          if (answer.state === "done") return refresh(`A mail is on its way to ${email}.`);
          if (answer.state !== "pending") return answer;
        },
      }),
      h("p", { class: "quiet" }, "An address counts once it is confirmed. ", mailbox())),
  );
}

let awaited = null; // the number that a code was sent to

export async function phone() {
  const answer = await act(client.phone);
  if (!answer) return null;
  const [own] = answer.data;
  return page(
    "Phone",
    own ? h("p", {}, h("span", { class: "name" }, own.phone), " ", badge(own.verified ? "confirmed" : "not confirmed", own.verified ? "" : "warn")) : h("p", { class: "quiet" }, "You have no phone number here."),
    awaited && group(`Confirm ${awaited}`,
      form({
        fields: [codeField({ label: "Code in the text message" })],
        text: "Confirm",
        submit: async ({ code }) => {
          const answer = await client.verifyPhone(code);
          if (answer.state === "authenticated") {
            const was = awaited;
            awaited = null;
            return refresh(`${was} is yours.`);
          }
          if (answer.state !== "conflict") return settle(answer);
          awaited = null;
          refresh("No more codes are taken. Ask for another.");
        },
      })),
    group(own ? "Another number" : "Add a number",
      form({
        fields: [{ name: "phone", label: "Phone", type: "tel", required: true, autocomplete: "tel", hint: "With country code, such as +31612345678." }],
        text: "Send a code there",
        kind: awaited ? "plain" : "",
        submit: async ({ phone }) => {
          const number = phone.replace(/[\s().-]/g, "");
          const answer = await ask(() => client.changePhone(number));
          if (answer.state === "done") {
            awaited = number;
            return refresh(`A text message is on its way to ${number}.`);
          }
          if (answer.state !== "pending") return answer;
        },
      }),
      h("p", { class: "quiet" }, mailbox())),
  );
}
