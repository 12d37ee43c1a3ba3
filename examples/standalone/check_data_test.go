package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/sqlite"
)

func TestCheckData(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.db")
	args := []string{"check-data", "-config", configFile(t, `, "mfa": {}`), "-database", "sqlite:" + path}
	if status, _, err := call(t, "", args...); status != 1 || !strings.Contains(err, "no such file") {
		t.Errorf("no database: got %d, %q", status, err)
	}
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	if status, _, err := call(t, "", args...); status != 1 || !strings.Contains(err, "migrate up") {
		t.Errorf("no tables: got %d, %q", status, err)
	}
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := &store.User{Password: "x"}
	if err := st.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	a := &store.Authenticator{UserID: u.ID, Type: store.TOTP, Data: []byte(`{"secret":"k1:x.y"}`)}
	if err := st.CreateAuthenticator(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	const want = "auth_authenticators 1 of user 1: can't be read"
	if status, out, err := call(t, "", args...); status != 1 || !strings.HasPrefix(out, want) || !strings.Contains(err, "broken rules: 1") {
		t.Errorf("a secret of somebody else: got %d, %q, %q", status, out, err)
	}
	var v struct{ Rule, Table, ID string }
	if _, out, _ := call(t, "", append(args, "-json")...); json.Unmarshal([]byte(out), &v) != nil || v.Rule != "readable" || v.Table != "auth_authenticators" || v.ID != "1" {
		t.Errorf("got %q", out)
	}
	if err := st.DeleteAuthenticator(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if status, out, err := call(t, "", args...); status != 0 || out != "" || !strings.Contains(err, "1 users: all rules are kept") {
		t.Errorf("got %d, %q, %q", status, out, err)
	}
}
