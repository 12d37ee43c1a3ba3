// Two-step login and passkeys: setting them up and taking them away.

import { act, ask, client, refresh } from "./app.js";
import { badge, button, codeField, dialog, form, group, h, note, page, reason, rows, sure, time } from "./ui.js";

const used = (a) => h("span", { class: "quiet" }, a.last_used_at ? ["last used ", time(a.last_used_at)] : ["added ", time(a.created_at)]);

export async function factors() {
  const list = await act(client.authenticators);
  const trusted = list && (await act(client.trustedBrowsers));
  if (!trusted) return null;
  const totp = list.data.find((a) => a.type === "totp");
  const codes = list.data.find((a) => a.type === "recovery_codes");
  const any = list.data.some((a) => a.type !== "recovery_codes");
  return page(
    "Two-step login",
    h("p", {}, any ? "Logging in takes a second step." : "Ask for a second step besides your password, so that a stolen one is of no use."),
    group("Authenticator app",
      totp
        ? [h("p", {}, badge("on"), " ", used(totp)), h("div", { class: "actions" }, button("Turn off", turnOff, "danger"))]
        : h("div", { class: "actions" }, button("Set up", setUp))),
    codes && group("Recovery codes",
      h("p", {}, `${codes.unused_code_count} of ${codes.total_code_count} are left. Each lets you in once when you have lost your phone or key.`),
      h("div", { class: "actions" }, button("Show them", showCodes, "plain"), button("Make new ones", newCodes, "plain"))),
    any && group("Trusted browsers",
      rows(trusted.data, (b) => [
        h("span", {}, h("span", { class: "name" }, browserName(b.user_agent)), " ", b.is_current && badge("this one"), h("br"), h("span", { class: "quiet" }, b.ip, " · until ", time(b.expires_at, false))),
        button("Trust no more", async () => (await act(() => client.distrustBrowsers([b.id]))) && refresh("That browser is not trusted any more."), "link"),
      ], "No browser may leave out the second step.")),
  );
}

const browserName = (agent) => agent.match(/(Edg|OPR|Firefox|Chrome|Safari)[/\d.]*/)?.[1].replace("Edg", "Edge").replace("OPR", "Opera") ?? "A browser";

async function setUp() {
  const offer = await ask(client.totp);
  if (offer.state !== "done") return offer.state !== "pending" && note(reason(offer));
  const { secret, totp_url: url } = offer.meta;
  // The secret must not be in a URL, where it would be logged: it is posted.
  const image = await client.fetch("/qr", { method: "POST", body: url }).then((r) => r.text());
  const done = await dialog("Set up your authenticator app", (close) => [
    h("p", {}, "Scan this with the app, or type in the key, and enter the code that it shows."),
    h("img", { class: "qr", alt: "QR code for the authenticator app", src: `data:image/svg+xml,${encodeURIComponent(image)}` }),
    h("p", {}, "Key: ", h("code", { class: "secret" }, secret.match(/.{1,4}/g).join(" "))),
    form({
      fields: [codeField({ inputmode: "numeric" })],
      text: "Turn it on",
      submit: async ({ code }) => {
        const answer = await ask(() => client.activateTotp(code));
        if (answer.state === "done") return close(true);
        if (answer.state !== "pending") return answer;
        close(false);
      },
      also: button("Cancel", () => close(false), "plain"),
    }),
  ]);
  if (done) refresh("Two-step login is on. Keep your recovery codes in a safe place.");
}

async function turnOff() {
  if (!(await sure("Turn off the authenticator app?", "Without another second step, your recovery codes go as well.", "Turn off"))) return;
  if (await act(client.deactivateTotp)) refresh("The authenticator app is turned off.");
}

const listCodes = (codes) =>
  dialog("Your recovery codes", (close) => [
    h("p", {}, "Keep them where you find them without your phone. Each works once."),
    h("ul", { class: "codes" }, codes.map((c) => h("li", {}, h("code", {}, c)))),
    h("div", { class: "actions" },
      button("Copy", async () => {
        await navigator.clipboard.writeText(codes.join("\n"));
        note("The codes are copied.");
      }, "plain"),
      button("Close", () => close())),
  ]);

async function showCodes() {
  const answer = await act(client.recoveryCodes);
  if (answer) await listCodes(answer.data.unused_codes);
}

async function newCodes() {
  if (!(await sure("Make new recovery codes?", "The old ones will not work any more.", "Make new ones"))) return;
  const answer = await act(client.makeRecoveryCodes);
  if (!answer) return;
  await listCodes(answer.data.unused_codes);
  refresh("You have new recovery codes.");
}

export async function keys() {
  const list = await act(client.authenticators);
  if (!list) return null;
  return page(
    "Passkeys and security keys",
    h("p", {}, "A passkey logs you in by itself. A security key is a second step after your password."),
    rows(list.data.filter((a) => a.type === "webauthn"), (key) => [
      h("span", {}, h("span", { class: "name" }, key.name), " ", key.is_passwordless ? badge("passkey") : badge("security key"), h("br"), used(key)),
      h("span", { class: "actions" },
        button("Rename", () => rename(key), "link"),
        button("Remove", async () => {
          if (!(await sure("Remove this key?", key.name, "Remove"))) return;
          if (!(await act(() => client.removeKeys([key.id])))) return;
          refresh(`${key.name} is removed.`);
          client.signalKeys(); // so that nobody is offered the removed one
        }, "link")),
    ], "You have none yet."),
    group("Another one",
      form({
        fields: [
          { name: "name", label: "Name", hint: "So that you recognise it in the list." },
          { name: "passwordless", label: "Make it a passkey, to log in without a password", type: "checkbox", value: true },
        ],
        text: "Add it",
        submit: async (options) => {
          const answer = await ask(() => client.addKey(options));
          if (answer.state === "done") return refresh(`${answer.data.name} is added.${answer.meta.recovery_codes_generated ? " You have recovery codes now: see “Two-step login”." : ""}`);
          if (answer.state !== "pending") return answer;
        },
      })),
  );
}

async function rename(key) {
  const name = await dialog("Rename", (close) =>
    form({
      fields: [{ name: "name", label: "Name", required: true, value: key.name }],
      text: "Rename",
      submit: async ({ name }) => {
        const answer = await ask(() => client.renameKey(key.id, name));
        if (answer.state === "done") return close(name);
        if (answer.state !== "pending") return answer;
        close();
      },
      also: button("Cancel", () => close(), "plain"),
    }));
  if (name) refresh(`It is called ${name} now.`);
}
