package account_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
)

func TestMessagesShowOnlyTheirKind(t *testing.T) {
	t.Parallel()
	const secret = "S3CRET"
	mail := account.Message{
		To: secret, Subject: secret, Text: secret, HTML: secret, Kind: "login_code", Locale: "de",
		Data: map[string]string{"code": secret},
	}
	sms := account.SMS{To: secret, Text: secret, Code: secret, Kind: "login_code", Locale: "de"}
	for _, m := range []any{mail, &mail, sms, &sms} {
		var shown strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&shown, verb+"\n", m)
			fmt.Fprintf(&shown, verb+"\n", []any{m})
			fmt.Fprintf(&shown, verb+"\n", struct{ M any }{m})
		}
		b, err := json.Marshal(map[string]any{"message": m})
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(b)
		var log bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).Info("sent", "message", m)
		}
		shown.Write(log.Bytes())
		if strings.Contains(shown.String(), secret) {
			t.Errorf("%T shows its contents:\n%s", m, shown.String())
		}
		if !strings.Contains(shown.String(), "login_code") {
			t.Errorf("%T does not show its kind:\n%s", m, shown.String())
		}
	}
}
