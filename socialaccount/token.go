package socialaccount

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	codeInvalidChoice    api.Code = "invalid_choice"
	codeInvalidToken     api.Code = "invalid_token"
	codeClientIDRequired api.Code = "client_id_required"
	codeTokenRequired    api.Code = "token_required"
	codeNoTokenLogin     api.Code = "token_authentication_not_supported"
)

var tokenInput = []api.Field{
	{Name: "provider", Required: true, Kind: api.Any, Description: "Provider ID"},
	{Name: "process", Required: true, Kind: api.Any, Description: `"login" or "connect"`},
	{Name: "token", Required: true, Kind: api.Any, Description: "client_id, and id_token or access_token"},
}

// token takes what an app got from a provider. spec: socialaccount.md §9.
func (s *Social) token(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	e, process, t := s.readToken(rq.Input)
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	userID := ""
	if process == processConnect {
		if err := s.canConnect(ctx, rq); err != nil {
			return nil, err
		}
		userID = rq.User.ID
	}
	id, err := s.identify(ctx, rq, e, func(ctx context.Context, tools Tools) (*Identity, error) {
		return e.verify.VerifyToken(ctx, tools, t)
	})
	if err != nil {
		if errors.Is(err, store.ErrUnavailable) {
			return nil, err
		}
		s.report(ctx, rq.Env, e, err)
		return nil, api.Invalid("token", codeInvalidToken)
	}
	return api.Authentication(), s.complete(ctx, rq, e, process, userID, id)
}

// text is a field that is a text, "" if it is none or missing. blank tells
// which.
func textField(in *api.Input, name string) (text string, blank bool) {
	var v any
	if json.Unmarshal(in.Raw(name), &v) != nil || v == nil || v == "" {
		return "", true
	}
	text, _ = v.(string)
	return text, false
}

// readToken reads the input, in the order of the contract's checks.
func (s *Social) readToken(in *api.Input) (e *entry, process string, t Token) {
	provider, blank := textField(in, "provider")
	provider = strings.TrimSpace(provider)
	switch {
	case in.OK("provider") && (blank || provider == "" && isText(in.Raw("provider"))):
		in.Fail("provider", api.CodeRequired)
	case strings.ContainsRune(provider, 0):
		in.Fail("provider", api.CodeNullCharacters)
	}
	process, blank = textField(in, "process")
	switch {
	case !in.OK("process"):
	case blank:
		in.Fail("process", api.CodeRequired)
	case process != processLogin && process != processConnect:
		in.Fail("process", codeInvalidChoice)
	}
	token, object := readObject(in)
	if !object || !in.OK("provider") || !in.OK("process") || !in.OK("token") {
		return nil, "", t
	}
	return s.judgeToken(in, provider, process, token)
}

func isText(raw json.RawMessage) bool {
	var s string
	return json.Unmarshal(raw, &s) == nil
}

// readObject reads the token, which must be an object and not empty.
func readObject(in *api.Input) (m map[string]any, ok bool) {
	raw := in.Raw("token")
	var v any
	if json.Unmarshal(raw, &v) != nil {
		v = nil
	}
	m, ok = v.(map[string]any)
	if empty(v) && in.OK("token") {
		in.Fail("token", api.CodeRequired)
	}
	if !ok {
		in.Fail("token", codeInvalidToken)
	}
	return m, ok
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func (s *Social) judgeToken(in *api.Input, provider, process string, token map[string]any) (e *entry, _ string, t Token) {
	bad := func(field string, code api.Code) (*entry, string, Token) {
		in.Fail(field, code)
		return nil, "", Token{}
	}
	clientID, _ := token["client_id"].(string)
	found := s.named(provider)
	if clientID == "" && !slices.ContainsFunc(found, func(e *entry) bool { return len(e.ClientIDs) == 0 && e.verify != nil }) {
		return bad("token", codeClientIDRequired)
	}
	for _, x := range found {
		if len(x.ClientIDs) == 0 || slices.Contains(x.ClientIDs, clientID) || clientID == strings.Join(x.ClientIDs, ",") {
			if e != nil {
				return bad("token", codeInvalidToken) // there is no telling which
			}
			e = x
		}
	}
	switch {
	case e == nil:
		return bad("token", codeInvalidToken)
	case e.verify == nil:
		return bad("provider", codeNoTokenLogin)
	}
	idToken, isID := token["id_token"]
	accessToken, isAccess := token["access_token"]
	t = Token{ClientID: clientID}
	var good1, good2 bool
	t.IDToken, good1 = idToken.(string)
	t.AccessToken, good2 = accessToken.(string)
	isID, isAccess = isID && idToken != nil, isAccess && accessToken != nil
	if t.IDToken == "" && t.AccessToken == "" || isID && !good1 || isAccess && !good2 {
		return bad("token", codeTokenRequired)
	}
	return e, process, t
}

// named are the providers that a name may mean: the one with that id, else
// those of that kind.
func (s *Social) named(name string) (l []*entry) {
	if e := s.byID(name); e != nil {
		return []*entry{e}
	}
	for _, e := range s.providers {
		if e.Kind == name {
			l = append(l, e)
		}
	}
	return l
}
