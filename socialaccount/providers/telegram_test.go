package providers_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

func TestTelegramPage(t *testing.T) {
	t.Parallel()
	p := providers.Telegram(providers.Client{ID: "a", Secret: "b"}).(socialaccount.Interviewer)
	page := p.Page(`"><script>`, false)
	if bytes.Contains(page.HTML, []byte(`"><script>`)) || !bytes.Contains(page.HTML, []byte(`name="csrfmiddlewaretoken" value="&#34;&gt;&lt;script&gt;"`)) {
		t.Errorf("the token is not escaped: %s", page.HTML)
	}
	_, script, _ := bytes.Cut(page.HTML, []byte("<script>"))
	script, _, _ = bytes.Cut(script, []byte("</script>"))
	sum := sha256.Sum256(script)
	if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(page.Policy, "script-src "+hash) {
		t.Errorf("got policy %s, want the hash %s", page.Policy, hash)
	}
	if p.Complete(url.Values{}) || !p.Complete(url.Values{"tgAuthResult": {""}}) {
		t.Error("a form is complete if it has an answer, be it empty")
	}
}

func TestAnswersAreUsedOnce(t *testing.T) {
	t.Parallel()
	all := logins(t)
	for id, name := range map[string]string{"telegram": "telegram/profile", "steam": "steam/profile"} {
		r := all[name]
		p := r.provider(t, id).(socialaccount.Redirector)
		callback := url.Values{"state": {"the state"}}
		for name, v := range r.Callback {
			callback.Set(name, v)
		}
		a := &socialaccount.AuthRequest{Tools: tools(&replay{t: t, r: r}), State: "the state", RedirectURI: redirectURI}
		if _, err := p.Finish(t.Context(), a, callback); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		a.HTTP = tools(&replay{t: t, r: r}).HTTP
		if _, err := p.Finish(t.Context(), a, callback); err == nil || !strings.Contains(err.Error(), "used before") {
			t.Errorf("%s: got error %v the second time", id, err)
		}
	}
}

// TestTelegramReadsBothAlphabets: base64 is sent in one or the other.
func TestTelegramReadsBothAlphabets(t *testing.T) {
	t.Parallel()
	r := logins(t)["telegram/profile"]
	answer := strings.NewReplacer("-", "+", "_", "/").Replace(r.Callback["tgAuthResult"]) + "=="
	who, err := r.login(t, r.provider(t, "telegram"), &replay{t: t, r: r}, map[string]string{"tgAuthResult": answer})
	if err != nil || who.UID != r.Identity.UID {
		t.Errorf("got %v, %v", who, err)
	}
}
