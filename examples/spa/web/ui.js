// Elements, forms and dialogs.

const $ = (selector) => document.querySelector(selector);

/** h makes an element: h("a", { href: "/", class: "x", onclick: f }, "text", child). */
export function h(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value === true) e.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) e.setAttribute(name, value);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

let ids = 0;
const newID = (of) => `${of}-${++ids}`;

/** note says something that outlives the page it was said on, once. */
export function note(text = "") {
  const place = $("#note");
  place.textContent = text;
  place.classList.toggle("empty", !text);
}

export const time = (seconds, withTime = true) => {
  const at = new Date(seconds * 1000);
  const style = { dateStyle: "medium", ...(withTime && { timeStyle: "short" }) };
  return h("time", { datetime: at.toISOString() }, new Intl.DateTimeFormat(undefined, style).format(at));
};

/** reason puts a refusal into words, for what has no field to stand at. */
export function reason(answer) {
  if (answer.state === "cancelled") return "That was cancelled, or this device has no key for it.";
  if (answer.errors?.length) return answer.errors.map((e) => e.message).join(" ");
  if (answer.state === "limited") return answer.retryAfter ? `That was too often. Try again in ${answer.retryAfter} seconds.` : "That was too often. Try again later.";
  if (answer.state === "conflict") return "This is no longer possible. Begin again.";
  if (answer.status === 0) return "The server can't be reached.";
  return "That did not work. Try again.";
}

/** button does something while it is shown as busy. */
export function button(text, onclick, kind = "") {
  const b = h("button", { type: "button", class: kind }, text);
  b.addEventListener("click", () => busy(b, onclick));
  return b;
}

// busy keeps a button from being pressed again, without taking the focus away.
async function busy(b, work) {
  if (b.getAttribute("aria-disabled") === "true") return;
  b.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    b.removeAttribute("aria-disabled");
  }
}

/**
 * form makes a form of fields. What submit returns, if anything, is a refusal,
 * and its errors are put where they belong.
 *
 * A field is { name, label, type, hint, value, required, options, params, …attributes };
 * params are the API's names for it where they differ.
 */
export function form({ fields = [], text, submit, kind = "", also = [] }) {
  const controls = fields.map(field);
  const alert = h("div", { class: "alert", role: "alert" });
  const go = h("button", { class: kind }, text);
  const f = h("form", { novalidate: true }, alert, controls.map((c) => c.element), h("div", { class: "actions" }, go, also));
  f.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(go, async () => {
      alert.replaceChildren();
      for (const c of controls) c.say([]);
      const values = Object.fromEntries(controls.map((c) => [c.name, c.value()]));
      const answer = await submit(values);
      if (answer) complain(answer);
    });
  });
  function complain(answer) {
    const left = [];
    const at = new Map();
    for (const e of answer.errors ?? []) {
      const c = controls.find((c) => c.params.includes(e.param));
      if (c) at.set(c, [...(at.get(c) ?? []), e.message]);
      else left.push(e);
    }
    for (const [c, messages] of at) c.say(messages);
    if (left.length || !at.size) alert.replaceChildren(reason({ ...answer, errors: left }));
    controls.find((c) => at.has(c))?.input.focus();
  }
  return f;
}

// field makes a labelled control, with a place for what is wrong with it.
function field({ name, label, type = "text", hint, value, options, params = [name], required, ...attributes }) {
  const id = newID(name);
  const props = { id, name, required, ...attributes };
  const input =
    type === "select"
      ? h("select", props, h("option", { value: "" }, "Choose…"), options.map((o) => h("option", { value: o }, o)))
      : h("input", { ...props, type });
  if (value !== undefined && type !== "checkbox") input.value = value;
  if (type === "checkbox" && value) input.checked = true;
  const help = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  const error = h("p", { class: "error", id: `${id}-error` });
  const caption = h("label", { for: id }, label, !required && type !== "checkbox" && h("span", { class: "optional" }, " optional"));
  const element = h("div", { class: type === "checkbox" ? "field check" : "field" }, type === "checkbox" ? [input, caption] : [caption, help, input], error);
  const say = (messages) => {
    error.textContent = messages.join(" ");
    const described = [help && help.id, messages.length && error.id].filter(Boolean).join(" ");
    described ? input.setAttribute("aria-describedby", described) : input.removeAttribute("aria-describedby");
    messages.length ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
  };
  say([]);
  return { name, params, input, element, say, value: () => (type === "checkbox" ? input.checked : input.value) };
}

/** codeField is the field for a code that was sent, or that an app shows. */
export const codeField = (more = {}) => ({
  name: "code", label: "Code", required: true, autocomplete: "one-time-code", spellcheck: "false", autocapitalize: "characters", class: "code", ...more,
});

/** dialog shows content(close) until it is closed, and returns what with: undefined for Escape. */
export function dialog(title, content) {
  return new Promise((resolve) => {
    const id = newID("dialog");
    let result;
    const close = (value) => {
      result = value;
      d.close();
    };
    const d = h("dialog", { "aria-labelledby": id }, h("h2", { id, tabindex: "-1", autofocus: true }, title), content(close));
    d.addEventListener("close", () => {
      d.remove();
      resolve(result);
    });
    document.body.append(d);
    d.showModal();
  });
}

/** sure asks before something is done that can't be undone. */
export const sure = (title, text, yes) =>
  dialog(title, (close) => [
    h("p", {}, text),
    h("div", { class: "actions" }, button(yes, () => close(true), "danger"), button("Cancel", () => close(false), "plain")),
  ]);

/** page is a heading with what belongs to it. */
export const page = (title, ...content) => h("section", { class: "page" }, h("h1", { tabindex: "-1" }, title), content);

/** group is a part of a page. */
export const group = (title, ...content) => h("section", { class: "group" }, h("h2", {}, title), content);

/** rows is a list of things, each with its actions. */
export const rows = (list, row, empty) => (list.length ? h("ul", { class: "rows" }, list.map((x) => h("li", {}, row(x)))) : h("p", { class: "quiet" }, empty));

export const badge = (text, kind = "") => h("span", { class: `badge ${kind}` }, text);
