package browsertest

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Size is that of a screen.
type Size struct {
	Width, Height int64
	Phone         bool
}

// Screens.
var (
	Desktop = Size{1280, 900, false}
	Phone   = Size{360, 740, true}
)

// Resize gives the page a screen.
func (p *Page) Resize(s Size) {
	p.t.Helper()
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: s.Width, Height: s.Height, DeviceScaleFactor: 1, Mobile: s.Phone})
}

// Scheme makes the page "light" or "dark".
func (p *Page) Scheme(name string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// axe is axe-core 4.14.1, under the MPL 2.0; see testdata.
//
//go:embed testdata/axe.min.js
var axe string

type violation struct {
	ID, Help string
	Nodes    []struct {
		Target         []any
		FailureSummary string
	}
}

// Inspect looks at a page as it should look to anybody: on a desktop and on a
// phone, light and dark. Nothing must be wider than the screen, and axe-core
// must find nothing to object to. With the environment variable SCREENSHOTS, a
// directory, it takes pictures.
func (p *Page) Inspect(name string) {
	p.t.Helper()
	p.Wait("the page is there", "document.readyState === 'complete' && !$.busy()", nil)
	var loaded bool
	if p.Eval("Boolean(window.axe)", &loaded); !loaded {
		p.do(chromedp.Evaluate[chromedp.Void](axe))
	}
	for _, s := range []Size{Phone, Desktop} {
		p.Resize(s)
		if s.Phone {
			var over int
			if p.Eval("document.documentElement.scrollWidth - innerWidth", &over); over > 0 {
				p.t.Errorf("%s: it is %d pixels wider than the phone", name, over)
			}
		}
		for _, scheme := range []string{"dark", "light"} {
			p.Scheme(scheme)
			// Each size and each scheme is judged once.
			if s.Phone == (scheme == "dark") {
				p.judge(fmt.Sprintf("%s, %dx%d, %s", name, s.Width, s.Height, scheme))
			}
			p.shoot(name, s, scheme)
		}
	}
}

func (p *Page) judge(what string) {
	p.t.Helper()
	var found []violation
	p.Eval(`axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations)`, &found)
	for _, v := range found {
		var b strings.Builder
		for _, n := range v.Nodes {
			fmt.Fprintf(&b, "\n  %v: %s", n.Target, n.FailureSummary)
		}
		p.t.Errorf("%s: axe: %s: %s%s", what, v.ID, v.Help, &b)
	}
}

func (p *Page) shoot(name string, s Size, scheme string) {
	p.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	kind := "desktop"
	if s.Phone {
		kind = "phone"
	}
	p.save(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+"_"+kind+"_"+scheme+".png"))
}

func (p *Page) save(file string) {
	beyond := true
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	picture, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &beyond})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, picture.Data, 0o644)
	}
	if err != nil {
		p.t.Errorf("take a picture: %v", err)
	}
}

// keep keeps what a failed test has seen last.
func (p *Page) keep() {
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		p.save(filepath.Join(dir, "failed_"+strings.NewReplacer("/", "_", " ", "_").Replace(p.t.Name())+".png"))
	}
}
