// Package browsertest drives a real Chromium through pages as a person would:
// it finds buttons and fields by what is written on them, clicks and types, and
// waits for what should happen. Every page fails its test if anything is
// reported on the console.
//
// Chromium is looked for where it usually is, or at HEADLESS_TEST_CHROMIUM.
// Without it tests are skipped, and say so; with HEADLESS_TEST_REQUIRE=1 they
// fail.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
)

// names are what Chromium is called.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// chromium is the one browser of a test binary; every page is a browser to
// itself in it.
var chromium struct {
	once sync.Once
	ctx  context.Context
	stop []func()
	err  error
}

// Main runs the tests and ends the browser that they may have started.
//
//	func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }
func Main(m *testing.M) (code int) {
	defer func() {
		for _, stop := range chromium.stop {
			stop()
		}
	}()
	return m.Run()
}

func find() (string, bool) {
	if path := os.Getenv("HEADLESS_TEST_CHROMIUM"); path != "" {
		return path, true
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

func launch(path string) {
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		chromium.err = err
		return
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocated)
	chromium.ctx = ctx
	chromium.stop = []func(){stop, end, func() { _ = os.RemoveAll(dir) }}
	chromium.err = chromedp.Do(ctx)
}

// Page is a browser of its own with one page.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string // what was reported on the console
}

// New opens a browser that has never been anywhere, and closes it when the
// test ends.
func New(t testing.TB) *Page {
	t.Helper()
	path, ok := find()
	switch {
	case ok:
	case os.Getenv("HEADLESS_TEST_REQUIRE") == "1":
		t.Fatal("Chromium is not installed, and HEADLESS_TEST_REQUIRE says that it has to be")
	default:
		t.Skip("SKIPPED: Chromium is not installed; install it, or set HEADLESS_TEST_CHROMIUM to where it is")
	}
	chromium.once.Do(func() { launch(path) })
	if chromium.err != nil {
		t.Fatalf("start Chromium: %v", chromium.err)
	}
	return open(t, chromium.ctx, chromedp.WithNewBrowserContext())
}

// Tab opens another page of the same browser.
func (p *Page) Tab() *Page {
	p.t.Helper()
	return open(p.t, p.ctx)
}

func open(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *Page {
	t.Helper()
	ctx, stop := chromedp.NewContext(parent, options...)
	p := &Page{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil { // opens it
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.mu.Lock()
		problems := p.problems
		p.mu.Unlock()
		for _, s := range problems {
			t.Errorf("on the console: %s", s)
		}
		if t.Failed() {
			p.keep()
		}
		stop()
	})
	call(p, log.Enable, cdp.Empty{})
	call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	call(p, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en-US"})
	p.Resize(Desktop)
	return p
}

// patience is how long a page may take for anything.
const patience = 20 * time.Second

// do runs what brings no result.
func (p *Page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// call sends a command of the protocol.
func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return result
}
