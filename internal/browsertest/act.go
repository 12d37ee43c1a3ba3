package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// script finds things on a page by what is written on them: first of all in
// the dialog that is open, then in what is the page's own, then anywhere.
const script = `(() => {
  const text = (e) => e.textContent.replace(/\s+/g, " ").trim();
  const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const places = () => {
    const open = [...document.querySelectorAll("dialog[open]")].at(-1);
    return open ? [open] : [document.querySelector("main"), document.body].filter(Boolean);
  };
  // scopes are where to look: the smallest part that has a text in it first.
  const scopes = (name) => places().flatMap((p) => {
    if (!name) return p;
    const all = [...p.querySelectorAll("li, section, article, form, tr")].filter((e) => shown(e) && text(e).includes(name));
    return all.reverse();
  });
  const first = (scope, selector, fits) => {
    for (const p of scopes(scope)) for (const e of p.querySelectorAll(selector)) if (shown(e) && fits(e)) return e;
  };
  const button = (name, scope) => first(scope, "button, a, summary", (e) => (e.getAttribute("aria-label") || text(e)) === name);
  const field = (name, scope) => first(scope, "input, select, textarea", (e) => [...(e.labels ?? [])].some((l) => text(l) === name || text(l) === name + " optional"));
  const busy = () => !document.querySelector("dialog[open]") && Boolean(document.querySelector("[aria-busy=true]"));
  // spot is where to click something: its middle, if nothing covers it.
  const spot = (e) => {
    if (!e || busy() || e.disabled || e.getAttribute("aria-disabled") === "true") return null;
    e.scrollIntoView({ block: "center", behavior: "instant" });
    const [box] = e.getClientRects();
    const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const top = document.elementFromPoint(at.x, at.y);
    return top && (e.contains(top) || top.contains(e)) ? at : null;
  };
  const says = (e) => e && (e.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean).map((id) => document.getElementById(id)).filter((d) => d?.classList.contains("error")).map(text).join(" ");
  return { text, shown, busy, places, button, field, spot, says };
})()`

// Eval evaluates an expression; $ has the functions of script. What comes of
// it is decoded into v, unless that is nil.
func (p *Page) Eval(expression string, v any) {
	p.t.Helper()
	if err := p.eval(expression, v); err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
}

func (p *Page) eval(expression string, v any) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](
		"(async ($) => ("+expression+") ?? null)("+script+")", chromedp.EvalAsValue, chromedp.EvalAwaitPromise))
	if err != nil || v == nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// Wait waits until an expression is truthy, and decodes that into v, unless
// it is nil.
func (p *Page) Wait(what, expression string, v any) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		var raw json.RawMessage
		err := p.eval(expression, &raw) // fails between two pages
		if err == nil && truthy(raw) {
			if v != nil {
				if err := json.Unmarshal(raw, v); err != nil {
					p.t.Fatal(err)
				}
			}
			return
		}
		if time.Now().After(deadline) || p.ctx.Err() != nil {
			p.t.Fatalf("%s: it does not come to that (%v); there is:\n%s", what, err, p.Text())
		}
	}
}

func truthy(raw json.RawMessage) bool {
	s := string(raw)
	return s != "" && s != "null" && s != "false" && s != `""` && s != "0"
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is a string
	}
	return string(b)
}

// Text is all that can be read on the page, with its address.
func (p *Page) Text() (s string) {
	if err := p.eval(`location.href + "\n" + document.body.innerText`, &s); err != nil {
		return err.Error()
	}
	return s
}

// Open goes to a URL.
func (p *Page) Open(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// Reload loads the page anew.
func (p *Page) Reload() {
	p.t.Helper()
	p.do(chromedp.Reload())
}

// At waits until the page's path is one.
func (p *Page) At(path string) {
	p.t.Helper()
	p.Wait("at "+path, "decodeURIComponent(location.pathname) === "+quote(path), nil)
}

// URL is the page's address.
func (p *Page) URL() *url.URL {
	p.t.Helper()
	var s string
	p.Eval("location.href", &s)
	u, err := url.Parse(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// See waits until a text can be read.
func (p *Page) See(text string) {
	p.t.Helper()
	p.Wait(fmt.Sprintf("see %q", text), "document.body.innerText.replace(/\\s+/g, ' ').includes("+quote(text)+")", nil)
}

// Heading waits for a page's or dialog's heading.
func (p *Page) Heading(text string) {
	p.t.Helper()
	p.Wait(fmt.Sprintf("the heading %q", text), "!$.busy() && $.places().some((p) => [...p.querySelectorAll('h1, h2')].some((h) => $.text(h) === "+quote(text)+"))", nil)
}

// Gone waits until a text can't be read any more.
func (p *Page) Gone(text string) {
	p.t.Helper()
	p.Wait(fmt.Sprintf("%q is gone", text), "!document.body.innerText.replace(/\\s+/g, ' ').includes("+quote(text)+")", nil)
}

// Click clicks the button or link of a name.
func (p *Page) Click(name string) {
	p.t.Helper()
	p.ClickIn("", name)
}

// ClickIn clicks a button or link in the row or part of the page that has a
// text in it.
func (p *Page) ClickIn(scope, name string) {
	p.t.Helper()
	p.click(fmt.Sprintf("the button %q", name), fmt.Sprintf("$.button(%s, %s)", quote(name), quote(scope)))
}

func (p *Page) click(what, element string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	p.Wait(what, "$.spot("+element+")", &at)
	p.do(chromedp.MouseClickXY(at.X, at.Y))
}

// Fill types a text into the field with a label, in place of what is there.
func (p *Page) Fill(label, text string) {
	p.t.Helper()
	p.FillIn("", label, text)
}

// FillIn is Fill in the part of the page that has a text in it.
func (p *Page) FillIn(scope, label, text string) {
	p.t.Helper()
	field := fmt.Sprintf("$.field(%s, %s)", quote(label), quote(scope))
	p.click(fmt.Sprintf("the field %q", label), field)
	p.Eval(field+".select()", nil)
	if text == "" {
		p.Press(kb.Delete)
	} else {
		call(p, input.InsertText, input.InsertTextParams{Text: text})
	}
	var got string
	p.Eval(field+".value", &got)
	if got != text {
		p.t.Fatalf("the field %q has %q, want %q", label, got, text)
	}
}

// Tick clicks the check box with a label.
func (p *Page) Tick(label string) {
	p.t.Helper()
	p.click(fmt.Sprintf("the check box %q", label), fmt.Sprintf("$.field(%s)", quote(label)))
}

// Choose selects an option of the field with a label.
func (p *Page) Choose(label, option string) {
	p.t.Helper()
	field := fmt.Sprintf("$.field(%s)", quote(label))
	p.Wait(fmt.Sprintf("the field %q", label), field+" && true", nil)
	p.Eval(field+".focus()", nil)
	p.do(chromedp.KeyEvent(option))
	var got string
	if p.Eval(field+".value", &got); got != option {
		p.t.Fatalf("the field %q has %q, want %q", label, got, option)
	}
}

// Press presses keys; package kb names those that have no character.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// Focused is what is written on what has the focus: its label or its text.
func (p *Page) Focused() (s string) {
	p.t.Helper()
	p.Eval(`((e) => e === document.body ? "" : e.labels?.length ? $.text(e.labels[0]) : $.text(e))(document.activeElement)`, &s)
	return strings.TrimSuffix(s, " optional")
}

// Refused waits until the field with a label is marked as wrong and says why,
// where screen readers find it, and returns what it says.
func (p *Page) Refused(label string) (why string) {
	p.t.Helper()
	field := fmt.Sprintf("$.field(%s)", quote(label))
	p.Wait(fmt.Sprintf("the field %q is refused", label), field+`?.getAttribute("aria-invalid") === "true" && $.says(`+field+")", &why)
	return why
}
