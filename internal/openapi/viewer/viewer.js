"use strict";

// h makes an element. Texts become text, never markup.
function h(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat(9).filter((c) => c !== undefined && c !== null && c !== ""));
  return e;
}

const $ = (id) => document.getElementById(id);
let doc;

// resolve follows a reference.
function resolve(x) {
  while (x && x.$ref) x = x.$ref.slice(2).split("/").reduce((o, k) => o[k], doc);
  return x || {};
}

const nameOf = (x) => (x.$ref ? x.$ref.split("/").pop() : "");

// Markdown, as far as descriptions have it.

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\(https?:[^)\s]+\))/).map((part) => {
    if (/^`.+`$/s.test(part)) return h("code", {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/s.test(part)) return h("strong", {}, part.slice(2, -2));
    const link = /^\[(.+)\]\((.+)\)$/s.exec(part);
    return link ? h("a", { href: link[2], rel: "noreferrer" }, link[1]) : part;
  });
}

const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((c) => inline(c.trim()));

function markdown(text, level = 2) {
  const out = [];
  const parts = (text || "").split(/^```\w*\n([\s\S]*?)^```$/m);
  parts.forEach((part, i) => {
    if (i % 2) return out.push(h("pre", { tabindex: 0 }, part));
    for (const block of part.split(/\n\s*\n/)) {
      const lines = block.split("\n").filter((l) => l.trim());
      if (!lines.length) continue;
      const heading = /^(#+) +(.*)/.exec(lines[0]);
      if (heading) {
        out.push(h("h" + Math.min(6, heading[1].length + level - 1), {}, inline(heading[2])));
        lines.shift();
      }
      if (!lines.length) continue;
      if (lines.every((l) => /^\s*[-*] /.test(l))) {
        out.push(h("ul", {}, lines.map((l) => h("li", {}, inline(l.replace(/^\s*[-*] /, ""))))));
      } else if (lines.length > 1 && /^\|?[\s:|-]+$/.test(lines[1]) && lines[0].includes("|")) {
        out.push(h("table", {},
          h("thead", {}, h("tr", {}, cells(lines[0]).map((c) => h("th", { scope: "col" }, c)))),
          h("tbody", {}, lines.slice(2).map((l) => h("tr", {}, cells(l).map((c) => h("td", {}, c)))))));
      } else {
        out.push(h("p", {}, inline(lines.join(" "))));
      }
    }
  });
  return out;
}

// Schemas.

// merged is a schema with what it is all of.
function merged(schema) {
  const s = { ...resolve(schema) };
  for (const part of s.allOf || []) {
    const p = merged(part);
    for (const key of Object.keys(p)) {
      if (key === "properties") s.properties = { ...p.properties, ...s.properties };
      else if (key === "required") s.required = [...(s.required || []), ...p.required];
      else if (key === "anyOf" || key === "oneOf") s[key] = [...(s[key] || []), ...p[key]];
      else if (s[key] === undefined) s[key] = p[key];
    }
  }
  delete s.allOf;
  return s;
}

function typeOf(schema) {
  const s = merged(schema);
  const choices = s.oneOf || s.anyOf;
  if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
  if (s.type === "array") return "list of " + typeOf(s.items);
  if (choices && !s.properties) return choices.map((c) => nameOf(c) || c.title || typeOf(c)).join(" | ");
  const limits = [];
  if (s.minLength > 1) limits.push("at least " + s.minLength);
  if (s.maxLength) limits.push("at most " + s.maxLength);
  return (nameOf(schema) && s.type === "object" ? nameOf(schema) : s.type || "anything") +
    (s.format ? " (" + s.format + ")" : "") + (limits.length ? ", " + limits.join(", ") + " characters" : "") + (s.nullable ? " or null" : "");
}

// shape lists what is in a schema.
function shape(schema, depth = 0) {
  const s = merged(schema);
  if (depth > 9) return [];
  if (s.type === "array") return shape(s.items, depth + 1);
  const out = [];
  const names = Object.keys(s.properties || {});
  if (names.length) {
    out.push(h("ul", { class: "shape" }, names.map((name) => {
      const p = merged(s.properties[name]);
      return h("li", {},
        h("code", {}, name), " ", h("span", { class: "quiet" }, typeOf(s.properties[name])), " ",
        (s.required || []).includes(name) ? h("span", { class: "need" }, "required") : "",
        p.description ? h("p", { class: "quiet" }, inline(p.description)) : "",
        shape(s.properties[name], depth + 1));
    })));
  }
  for (const choice of s.oneOf || s.anyOf || []) {
    const inner = shape(choice, depth + 1);
    const title = nameOf(choice) || merged(choice).title;
    if (inner.length) out.push(title ? h("p", { class: "quiet" }, title + ":") : "", inner);
  }
  return out;
}

// sample makes a value that fits a schema.
function sample(schema, depth = 0) {
  const s = merged(schema);
  if (s.example !== undefined) return s.example;
  if (s.enum) return s.enum[0];
  const choice = (s.anyOf || s.oneOf || [])[0];
  if (s.type === "array") return depth > 6 ? [] : [sample(s.items, depth + 1)];
  if (s.properties || choice) {
    const o = {};
    for (const [name, p] of Object.entries(s.properties || {})) {
      if ((s.required || []).includes(name)) o[name] = sample(p, depth + 1);
    }
    const more = choice ? sample(choice, depth + 1) : {};
    return typeof more === "object" ? Object.assign(o, more) : more;
  }
  return { integer: 1, number: 1.5, boolean: true, object: {} }[s.type] ?? "…";
}

const pretty = (v) => JSON.stringify(v, null, 2);
const pre = (text, label) => h("pre", { tabindex: 0, "aria-label": label }, text);

// Operations.

function curl(op) {
  const app = !op.path.includes("/browser/");
  const url = (doc.servers?.[0]?.url || location.origin) + op.path.replace("{client}", "app");
  const words = ["curl", op.method === "get" ? "" : "-X " + op.method.toUpperCase(), "'" + url + "'"];
  if (app) words.push("\\\n  -H 'X-Session-Token: …'");
  for (const p of op.parameters) {
    if (p.in === "header" && p.required) words.push(`\\\n  -H '${p.name}: …'`);
    if (!app && p.name.startsWith("X-CSRF")) words.push(`\\\n  -b cookies -H '${p.name}: …'`);
  }
  const [kind, media] = Object.entries(op.requestBody?.content || {})[0] || [];
  if (kind === "application/json") {
    words.push(`\\\n  -H 'Content-Type: ${kind}' \\\n  -d '${JSON.stringify(sample(media.schema)).replaceAll("'", "'\\''")}'`);
  } else if (kind) {
    for (const [k, v] of Object.entries(sample(media.schema))) words.push(`\\\n  --data-urlencode '${k}=${v}'`);
  }
  return words.filter(Boolean).join(" ");
}

function answer(status, response) {
  const r = resolve(response);
  const media = r.content?.["application/json"] || {};
  const examples = Object.entries(media.examples || {}).map(([name, e]) => [name, resolve(e)]);
  const errors = examples.filter(([, e]) => e.value?.errors);
  const shown = examples.filter(([, e]) => !e.value?.errors);
  const body = h("div", {});
  const d = h("details", { class: "answer" },
    h("summary", {}, h("strong", {}, status), " ", inline(r.description || "")), body);
  d.addEventListener("toggle", () => {
    if (body.childNodes.length) return;
    if (errors.length) {
      body.append(h("ul", { class: "codes" }, errors.map(([, e]) => {
        const x = e.value.errors[0];
        return h("li", {}, x.param ? [h("code", {}, x.param), " "] : "", h("strong", {}, x.code), h("br"), h("span", { class: "quiet" }, x.message));
      })));
    }
    for (const [name, head] of Object.entries(r.headers || {})) {
      body.append(h("p", {}, h("code", {}, name), " ", inline(head.description || "")));
    }
    if (media.schema) body.append(...shape(media.schema).flat(9).filter(Boolean));
    if (shown.length) {
      const out = pre(pretty(shown[0][1].value), "Example");
      const select = h("select", { "aria-label": "Example" }, shown.map(([name], i) => h("option", { value: i }, name.replaceAll("_", " "))));
      select.addEventListener("change", () => { out.textContent = pretty(shown[select.value][1].value); });
      body.append(shown.length > 1 ? select : "", out);
    }
  });
  return d;
}

function fill(body, op) {
  body.append(...markdown(op.description, 4));
  const tags = [];
  if (op["x-flow"]) tags.push(h("span", { class: "tag" }, "completes the flow ", h("strong", {}, op["x-flow"])));
  if (op["x-extension"]) tags.push(h("span", { class: "tag" }, "extension"));
  tags.push(h("a", { class: "tag", href: "#" + op.operationId }, op.operationId));
  body.append(h("p", {}, tags.flatMap((t) => [t, " "])));
  if (op.parameters.length) {
    body.append(h("h4", {}, "Parameters"), h("ul", { class: "shape" }, op.parameters.map((p) => h("li", {},
      h("code", {}, p.name), " ", h("span", { class: "quiet" }, p.in + ", " + typeOf(p.schema)), " ",
      p.required ? h("span", { class: "need" }, "required") : "",
      h("p", { class: "quiet" }, inline(p.description || ""))))));
  }
  const [kind, media] = Object.entries(op.requestBody?.content || {})[0] || [];
  if (media) body.append(h("h4", {}, "Body, " + kind), ...shape(media.schema).flat(9).filter(Boolean));
  body.append(h("h4", {}, "Answers"), ...Object.entries(op.responses).map(([status, r]) => answer(status, r)));
  body.append(h("h4", {}, "Call"), pre(curl(op), "Call with curl"));
}

function element(op) {
  const body = h("div", {});
  const d = h("details", { class: "operation", id: op.operationId },
    h("summary", {}, h("span", { class: "method " + op.method }, op.method.toUpperCase()),
      h("h3", {}, op.summary), h("code", { class: "path" }, op.path)), body);
  d.addEventListener("toggle", () => {
    if (d.open && !body.childNodes.length) fill(body, op);
  });
  return d;
}

function operations() {
  const l = [];
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(item)) {
      const parameters = (op.parameters || []).map(resolve);
      const codes = Object.keys(resolve(op.responses["400"]).content?.["application/json"]?.examples || {});
      const words = [method, path, op.summary, op.description, op.operationId, op.tags, op["x-flow"], codes, parameters.map((p) => p.name)];
      l.push({ ...op, method, path, parameters, words: words.flat().join(" ").toLowerCase() });
    }
  }
  return l;
}

function show() {
  document.title = doc.info.title;
  $("title").textContent = doc.info.title;
  const all = operations();
  const main = $("main"), nav = $("nav");
  const introduction = h("section", { "aria-label": "Introduction" }, markdown(doc.info.description));
  main.replaceChildren(introduction);
  nav.append(h("ul", {}, h("li", {}, h("a", { href: "#main" }, "Introduction"))));
  const sections = doc.tags.map((tag, i) => {
    const ops = all.filter((op) => op.tags.includes(tag.name));
    const section = h("section", { "aria-labelledby": "tag" + i },
      h("h2", { id: "tag" + i }, tag.name), h("p", { class: "quiet" }, tag.description || ""));
    const links = h("ul", {});
    const heading = h("h2", {}, tag.name);
    for (const op of ops) {
      op.element = element(op);
      op.link = h("li", {}, h("a", { href: "#" + op.operationId }, op.summary));
      section.append(op.element);
      links.append(op.link);
    }
    main.append(section);
    nav.append(heading, links);
    return { ops, parts: [section, heading, links] };
  });
  main.append(h("p", { class: "quiet" }, "For programs: ", h("a", { href: "openapi.json" }, "openapi.json"), ", ", h("a", { href: "openapi.yaml" }, "openapi.yaml")));

  const search = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const { ops, parts } of sections) {
      let some = false;
      for (const op of ops) {
        const hit = words.every((w) => op.words.includes(w));
        op.element.hidden = op.link.hidden = !hit;
        some ||= hit;
        n += hit ? 1 : 0;
      }
      for (const p of parts) p.hidden = !some;
    }
    introduction.hidden = words.length > 0;
    $("count").textContent = n + (n === 1 ? " operation" : " operations");
  };
  $("search").addEventListener("input", search);
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) {
      e.preventDefault();
      $("search").focus();
    }
  });
  search();

  const open = () => {
    const d = $(decodeURIComponent(location.hash.slice(1)));
    if (d?.tagName !== "DETAILS") return;
    d.open = true;
    d.scrollIntoView();
    d.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", open);
  open();
}

const themes = ["light", "dark"];
const theme = (t) => { document.documentElement.dataset.theme = t; };
const kept = (() => { try { return localStorage.getItem("openapi-theme"); } catch { return null; } })();
if (themes.includes(kept)) theme(kept);
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  theme(dark ? "light" : "dark");
  try { localStorage.setItem("openapi-theme", document.documentElement.dataset.theme); } catch { /* not kept, then */ }
});

fetch("openapi.json").then((r) => {
  if (!r.ok) throw new Error("status " + r.status);
  return r.json();
}).then((d) => { doc = d; show(); }).catch((e) => {
  $("main").replaceChildren(h("p", { role: "alert" }, "The description could not be read: " + e.message));
});
