// Where somebody is logged in.

import { act, app, client, go, next, refresh } from "./app.js";
import { badge, button, h, page, rows, time } from "./ui.js";

export async function sessions() {
  const answer = await act(client.sessions);
  if (!answer) return null;
  const others = answer.data.filter((s) => !s.is_current).map((s) => s.id);
  const end = async (ids, said) => {
    if (await act(() => client.endSessions(ids))) return refresh(said);
    if (app.who.state === "pending") go(next(app.who), "You are logged out.");
  };
  return page(
    "Sessions",
    h("p", {}, "These browsers and apps are logged in to your account."),
    rows(answer.data, (s) => [
      h("span", {}, h("span", { class: "name" }, s.device ?? s.user_agent), " ", s.is_current && badge("this one"), h("br"),
        h("span", { class: "quiet" }, s.ip, " · ", s.last_seen_at ? ["last seen ", time(s.last_seen_at)] : ["since ", time(s.created_at)])),
      button(s.is_current ? "Log out" : "End", () => end([s.id], "That session has ended."), "link"),
    ]),
    others.length > 0 && h("div", { class: "actions" }, button("End all others", () => end(others, "All other sessions have ended."), "danger")),
  );
}
