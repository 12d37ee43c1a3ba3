// Showing that an address or a number is one's own.

import { app, client, go, loggedIn, next } from "./app.js";
import { again, mailbox, resend, sentTo, startOver } from "./login.js";
import { button, codeField, form, h, note, page, reason } from "./ui.js";

// correct changes where the code goes.
function correct(what, field, call) {
  return h("details", {},
    h("summary", {}, `Not your ${what}?`),
    form({
      fields: [{ label: `The right ${what}`, required: true, ...field }],
      text: "Send it there",
      kind: "plain",
      submit: async (values) => {
        const to = values[field.name].replace(/\s/g, "");
        const answer = await call(to);
        if (answer.state !== "done") return answer;
        app.sentTo[field.name] = to;
        go(location.pathname, "Another code is on its way.");
      },
    }));
}

export function email() {
  if (!app.config.account.email_verification_by_code_enabled) {
    return page("Look into your mail", h("p", {}, "We have sent a link to ", sentTo("email", "your address"), ". Follow it, and you are in. ", mailbox()), h("div", { class: "ways" }, startOver("Log in again to get another link")));
  }
  return page(
    "Confirm your address",
    h("p", {}, "We have sent a code to ", sentTo("email", "your address"), ". ", mailbox()),
    form({ fields: [codeField({ params: ["key"] })], text: "Confirm", submit: async ({ code }) => again(await client.verifyEmail(code)) }),
    h("div", { class: "ways" },
      resend(client.resendEmailCode),
      correct("address", { name: "email", type: "email", autocomplete: "email" }, client.addEmail),
      startOver()),
  );
}

export async function emailByLink({ argument: key }) {
  const answer = await client.emailOfKey(key);
  if (answer.state !== "done") {
    return page("This link is no longer good", h("p", {}, "It was used before, or it is too old. ", h("a", { href: loggedIn() ? "/account/emails" : "/login" }, loggedIn() ? "Your addresses" : "Log in to get another")));
  }
  return page(
    "Is this address yours?",
    h("p", {}, h("strong", {}, answer.data.email)),
    h("div", { class: "actions" }, button("Yes, confirm it", async () => {
      const was = loggedIn();
      const answer = await client.verifyEmail(key);
      if (answer.state === "authenticated") return go(was ? "/account/emails" : next(answer), "Your address is confirmed.");
      if (answer.state === "pending") return go(next(answer), "Your address is confirmed. Log in now.");
      note(reason(answer));
    })),
  );
}

export const phone = () =>
  page(
    "Confirm your phone number",
    h("p", {}, "We have sent a text message with a code to ", sentTo("phone", "your phone"), ". ", mailbox()),
    form({ fields: [codeField()], text: "Confirm", submit: async ({ code }) => again(await client.verifyPhone(code)) }),
    h("div", { class: "ways" },
      resend(client.resendPhoneCode),
      correct("number", { name: "phone", type: "tel", autocomplete: "tel" }, client.changePhone),
      startOver()),
  );
