// Logging in through other sites, and connecting accounts there.

import { act, app, client, go, loggedIn, proveAgain, refresh, settle } from "./app.js";
import { startOver } from "./login.js";
import { details } from "./signup.js";
import { button, form, group, h, page, rows, sure } from "./ui.js";

const all = () => (app.config.socialaccount?.providers ?? []).filter((p) => p.flows.includes("provider_redirect"));

/** providerButtons lead to the sites through which one can log in or connect. */
export function providerButtons(process) {
  const words = process === "login" ? "Continue with" : "Connect";
  return all().map((p) => button(`${words} ${p.name}`, () => leave(p.id, process), "plain"));
}

const leave = (provider, process) => client.goToProvider(provider, `/provider?${new URLSearchParams({ provider, process })}`, process);

const errors = {
  cancelled: "You have cancelled it there.",
  denied: "You were refused there.",
  signup_closed: "Nobody can sign up at the moment.",
  permission_denied: "Log in first, and then connect your account.",
  reauthentication_required: "Nothing was connected, as you did not confirm that it is you.",
  connected_other: "That account is connected to somebody else here.",
};

/** back is where a provider's site returns to. */
export async function back() {
  const query = new URLSearchParams(location.search);
  const connect = (query.get("error_process") ?? query.get("process")) === "connect";
  const error = query.get("error");
  const session = await client.session();
  // That somebody has to prove again who they are turns out only here.
  if (error === "reauthentication_required" && loggedIn() && (await proveAgain())) {
    leave(query.get("provider"), "connect");
  } else if (!error) {
    if (connect && loggedIn()) go("/account/connections", "Your account is connected.");
    else settle(session) && go("/login", "Something went wrong. Try again.");
  } else {
    go(connect && loggedIn() ? "/account/connections" : loggedIn() ? "/account" : "/login", errors[error] ?? "Something went wrong. Try again.");
  }
  return null;
}

/** signup completes an account of somebody who comes from another site. */
export async function signup() {
  const offer = await client.providerSignup();
  if (offer.state !== "done") {
    settle(await client.session());
    return null;
  }
  const { user, account, email } = offer.data;
  return page(
    "Almost there",
    h("p", {}, `You come from ${account.provider.name} as `, h("strong", {}, account.display), ". Complete your account here."),
    form({
      fields: [
        { name: "email", label: "Email", type: "email", required: true, autocomplete: "email", value: email[0]?.email ?? "" },
        ...details({ name: user.name ?? "" }),
      ],
      text: "Make the account",
      submit: async (fields) => {
        app.sentTo = { email: fields.email };
        return settle(await client.finishProviderSignup(fields));
      },
    }),
    h("div", { class: "ways" }, startOver()),
  );
}

export async function connections() {
  const answer = await act(client.connections);
  if (!answer) return null;
  return page(
    "Connections",
    h("p", {}, "You can log in through these accounts of yours elsewhere."),
    rows(answer.data, (c) => [
      h("span", {}, h("span", { class: "name" }, c.provider.name), h("br"), h("span", { class: "quiet" }, c.display)),
      button("Disconnect", async () => {
        if (!(await sure("Disconnect this account?", `${c.provider.name}: ${c.display}`, "Disconnect"))) return;
        if (await act(() => client.disconnect(c.provider.id, c.uid))) refresh(`${c.provider.name} is disconnected.`);
      }, "link"),
    ], "There are none yet."),
    group("Connect another", h("div", { class: "ways" }, providerButtons("connect"))),
  );
}
