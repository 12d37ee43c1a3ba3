package authtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// M is a JSON object.
type M = map[string]any

// Reply is an answer. Data, Meta and Errors are those of the API's envelope,
// where the answer is one.
type Reply struct {
	// What was asked, for messages, and the body that was Sent.
	What    string
	Sent    []byte
	Status  int
	Header  http.Header
	Cookies []*http.Cookie
	Raw     []byte
	Data    json.RawMessage
	Meta    M
	Errors  []Error

	t        testing.TB
	envelope bool
}

// Error is an entry of an answer's errors.
type Error struct{ Message, Code, Param string }

// ReplyOf reads a response that some other client has got.
func ReplyOf(t testing.TB, resp *http.Response) *Reply {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	r := &Reply{t: t, Status: resp.StatusCode, Header: resp.Header, Cookies: resp.Cookies()}
	if resp.Request != nil {
		r.What = resp.Request.Method + " " + resp.Request.URL.Path
	}
	var err error
	if r.Raw, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	r.decode()
	return r
}

func (r *Reply) decode() {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || len(r.Raw) == 0 {
		return
	}
	var env struct {
		Status int
		Data   json.RawMessage
		Meta   M
		Errors []Error
	}
	if err := json.Unmarshal(r.Raw, &env); err != nil {
		return // an answer of the host's own
	}
	r.envelope = env.Status != 0
	if r.envelope && env.Status != r.Status {
		r.t.Errorf("%s: the envelope says %d, the answer %d", r.What, env.Status, r.Status)
	}
	r.Data, r.Meta, r.Errors = env.Data, env.Meta, env.Errors
}

// Is checks the status.
func (r *Reply) Is(status int) *Reply {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("%s: got %d %s, want %d", r.What, r.Status, r.Raw, status)
	}
	return r
}

// Fails checks that the answer is a 400 with exactly these errors, each
// written as "param:code", or ":code" for the input as a whole.
func (r *Reply) Fails(want ...string) *Reply {
	r.t.Helper()
	r.Is(http.StatusBadRequest)
	var got []string
	for _, e := range r.Errors {
		got = append(got, e.Param+":"+e.Code)
		if e.Message == "" {
			r.t.Errorf("%s: error %s:%s has no message", r.What, e.Param, e.Code)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		r.t.Fatalf("%s: got errors %v, want %v", r.What, got, want)
	}
	return r
}

// Flows are the ids of the flows, with "*" behind those that are pending.
func (r *Reply) Flows() []string {
	var d struct {
		Flows []struct {
			ID      string `json:"id"`
			Pending bool   `json:"is_pending"`
		} `json:"flows"`
	}
	_ = json.Unmarshal(r.Data, &d)
	l := []string{}
	for _, f := range d.Flows {
		if f.Pending {
			f.ID += "*"
		}
		l = append(l, f.ID)
	}
	return l
}

// Pending checks that the answer is a 401 in which the flow is pending.
func (r *Reply) Pending(flow string) *Reply {
	r.t.Helper()
	r.Is(http.StatusUnauthorized)
	if !strings.Contains(" "+strings.Join(r.Flows(), " ")+" ", " "+flow+"* ") {
		r.t.Fatalf("%s: got flows %v, want %s pending", r.What, r.Flows(), flow)
	}
	return r
}

// NothingPending checks that the answer is a 401 in which no flow is pending.
func (r *Reply) NothingPending() *Reply {
	r.t.Helper()
	r.Is(http.StatusUnauthorized)
	if strings.Contains(strings.Join(r.Flows(), " "), "*") {
		r.t.Fatalf("%s: got flows %v, want nothing pending", r.What, r.Flows())
	}
	return r
}

// LoggedIn checks that the answer is a 200 with a user, and returns them.
func (r *Reply) LoggedIn() M {
	r.t.Helper()
	r.Is(http.StatusOK)
	var d struct{ User M }
	_ = json.Unmarshal(r.Data, &d)
	if d.User["id"] == nil || r.Meta["is_authenticated"] != true {
		r.t.Fatalf("%s: got %s, want a user", r.What, r.Raw)
	}
	return d.User
}

// Methods are the authentication records, each without its time.
func (r *Reply) Methods() []M {
	r.t.Helper()
	var d struct{ Methods []M }
	_ = json.Unmarshal(r.Data, &d)
	for _, m := range d.Methods {
		if at, ok := m["at"].(float64); !ok || at < 1e9 {
			r.t.Errorf("%s: record %v has no time", r.What, m)
		}
		delete(m, "at")
	}
	return d.Methods
}

// Into decodes the answer's data or, where it is no answer of the API's, all
// of it.
func (r *Reply) Into(v any) *Reply {
	r.t.Helper()
	text := []byte(r.Data)
	if !r.envelope {
		text = r.Raw
	}
	if err := json.Unmarshal(text, v); err != nil {
		r.t.Fatalf("%s: %v in %s", r.What, err, r.Raw)
	}
	return r
}
