package openapi

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/headless-auth/headless/internal/api"
)

// schemasOf are the schemas of fields by name.
var schemasOf = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"email": "Email", "email2": "Email", "username": "Username", "phone": "Phone",
		"password": "Password", "current_password": "Password", "new_password": "Password",
		"code": "Code", "refresh_token": "RefreshToken",
		"id": "AuthenticatorID", "authenticators": "AuthenticatorIDs", "credential": "WebAuthnCredential",
		"provider": "ProviderID", "account": "ProviderAccountID", "process": "Process", "token": "ProviderTokens",
	}
})

// field describes an input.
func (d *draft) field(c *call, f *api.Field) (property, error) {
	name := c.Fields[f.Name]
	if name == "" {
		name = schemasOf()[f.Name]
	}
	var schema object
	description := f.Description
	switch {
	case f.Type != "":
		schema = hostField(f)
	case name != "":
		schema = m("allOf", list(ref(name)))
		if d.schemas[name].get("description") != nil {
			description = ""
		}
	case f.Kind == api.Bool && f.Required:
		schema = one(true)
	case f.Kind == api.Bool:
		schema = m("type", "boolean")
	case f.Kind == api.Text:
		schema = m("type", "string")
	default:
		return property{}, fmt.Errorf("nothing is known of the field %q", f.Name)
	}
	schema = schema.with("minLength", f.MinLength).with("maxLength", f.MaxLength).with("description", description)
	return property{f.Name, schema, !f.Required && f.Name != c.Needed}, nil
}

// hostField describes a field of the host's own by its type.
func hostField(f *api.Field) object {
	switch f.Type {
	case "boolean":
		if f.Required && f.Kind == api.Bool {
			return one(true) // an input, such as consent
		}
		fallthrough
	case "integer", "number":
		return m("type", f.Type)
	case "string":
		return m("type", "string").with("enum", list(f.Choices...))
	}
	return m("type", "string", "format", f.Type).with("enum", list(f.Choices...))
}

func (d *draft) body(c *call) (object, error) {
	if c.Form {
		return m("required", true, "content", m("application/x-www-form-urlencoded", m("schema", ref(c.Body)))), nil
	}
	schema, err := d.bodySchema(c)
	if err != nil {
		return nil, err
	}
	if known, ok := d.schemas[c.Body]; ok && !reflect.DeepEqual(known, schema) {
		return nil, fmt.Errorf("another body is called %s", c.Body)
	}
	d.schemas[c.Body] = schema
	required := c.Needed != "" || c.Either != "" || slices.ContainsFunc(c.fields, func(f api.Field) bool { return f.Required })
	return m("required", required, "content", m("application/json", m("schema", ref(c.Body)))), nil
}

func (d *draft) bodySchema(c *call) (object, error) {
	var all, either, password []property
	for i := range c.fields {
		p, err := d.field(c, &c.fields[i])
		if err != nil {
			return nil, err
		}
		switch {
		case c.Either != "" && p.optional:
			either = append(either, p)
		case c.Base != "" && p.name == "password":
			password = append(password, p)
		default:
			all = append(all, p)
		}
	}
	own := record("", all...)
	switch {
	case len(either) > 0:
		var choices []any
		for _, p := range either {
			p.optional = false
			choices = append(choices, append(m("title", "By "+p.name), record("", p)...))
		}
		if len(all) == 0 {
			return m("anyOf", choices), nil
		}
		return m("allOf", list[any](own, m("anyOf", choices))), nil
	case c.Base != "":
		// Signing up through an identity provider may ask for other fields.
		if base, ok := d.schemas[c.Base]; ok && !reflect.DeepEqual(base, own) {
			return record("", append(all, password...)...), nil
		}
		d.schemas[c.Base] = own
		parts := list(ref(c.Base))
		if len(password) > 0 {
			parts = append(parts, record("", password...))
		}
		return m("allOf", parts), nil
	}
	return own, nil
}

func (d *draft) describeParameters() map[string]object {
	return map[string]object{
		"Client": m("in", "path", "name", "client", "required", true,
			"description", "The kind of front end.", "schema", m("type", "string", "enum", list("app", "browser"))),
		"SessionToken": m("in", "header", "name", "X-Session-Token", "required", false,
			"description", "The session token of an app. Browsers have a cookie.", "schema", text("")),
		"CSRFToken": m("in", "header", "name", d.CSRFHeader, "required", false,
			"description", "For browsers: the value of the cookie `"+d.CSRFCookie+"`. Apps have none.", "schema", text("")),
	}
}
