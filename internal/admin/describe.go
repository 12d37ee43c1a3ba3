package admin

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/headless-auth/headless/internal/api"
)

// documentPath is where the description is.
const documentPath = "/openapi.json"

// schemas are the bodies of answers.
//
//go:embed schemas.json
var schemas []byte

type object = map[string]any

const introduction = `What operators do to users, for back ends. Every request carries a token of theirs: ` +
	"`Authorization: Bearer …`" + `. Ids are text. Answers have the form of those for front ends.`

// describe makes the OpenAPI document of the operations.
func describe(p Parts, operations []operation) (http.Handler, error) {
	paths := object{}
	for _, op := range operations {
		methods, ok := paths[op.path].(object)
		if !ok {
			methods = object{}
			paths[op.path] = methods
		}
		methods[strings.ToLower(op.method)] = op.describe()
	}
	responses := object{}
	for name, r := range refusals() {
		responses[name] = object{"description": r.description, "content": content(ref("Errors"))}
	}
	b, err := json.MarshalIndent(object{
		"openapi":  "3.0.3",
		"info":     object{"title": p.Title + ": users", "version": "1", "description": introduction},
		"servers":  []any{object{"url": p.Path}},
		"security": []any{object{"token": []any{}}},
		"paths":    paths,
		"components": object{
			"schemas": json.RawMessage(schemas), "responses": responses,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			api.WriteStatus(w, r, http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/vnd.oai.openapi+json")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Length", strconv.Itoa(len(b)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(b)
		}
	}), nil
}

// refusals are the answers that are none of an operation's own.
func refusals() map[string]refusal {
	return map[string]refusal{
		"Invalid":         {http.StatusBadRequest, "Something is wrong with the input; the errors say what."},
		"Unauthorized":    {http.StatusUnauthorized, "The token is missing or wrong."},
		"NotFound":        {http.StatusNotFound, "There is no such user."},
		"Conflict":        {http.StatusConflict, "Somebody else has changed the user at the same moment. Trying again is fine."},
		"TooManyRequests": {http.StatusTooManyRequests, "There were too many wrong tokens from this address."},
		"Unavailable":     {http.StatusServiceUnavailable, "The database can't be reached, or too much is going on."},
		"NotImplemented":  {http.StatusNotImplemented, "The store does not list its users."},
	}
}

type refusal struct {
	status      int
	description string
}

func (op *operation) describe() object {
	d := object{"operationId": op.id, "summary": op.summary}
	if op.description != "" {
		d["description"] = op.description
	}
	parameters := []any{}
	if strings.Contains(op.path, "{user}") {
		parameters = append(parameters, object{"name": "user", "in": "path", "required": true, "description": "The user's id", "schema": object{"type": "string"}})
	}
	for _, p := range op.query {
		schema := object{"type": "string"}
		if p.number {
			schema = object{"type": "integer", "minimum": 1, "maximum": maxPageSize}
		}
		parameters = append(parameters, object{"name": p.name, "in": "query", "description": p.description, "schema": schema})
	}
	d["parameters"] = parameters
	if len(op.input) > 0 {
		d["requestBody"] = op.body()
	}
	answer := object{"type": "object", "required": []string{"status"}, "additionalProperties": false, "properties": object{"status": object{"type": "integer"}}}
	if op.answer != "" {
		answer["required"] = []string{"status", "data"}
		answer["properties"].(object)["data"] = ref(op.answer)
	}
	responses := object{"200": object{"description": "Done.", "content": content(answer)}}
	for name, r := range refusals() {
		switch {
		case r.status == http.StatusNotFound && !strings.Contains(op.path, "{user}"),
			r.status == http.StatusNotImplemented && op.id != "findUsers",
			r.status == http.StatusConflict && op.method == http.MethodGet && op.id != "exportUser":
			continue
		}
		responses[strconv.Itoa(r.status)] = object{"$ref": "#/components/responses/" + name}
	}
	d["responses"] = responses
	return d
}

func (op *operation) body() object {
	properties, required := object{}, []string{}
	for _, f := range op.input {
		schema := object{"type": "string", "description": f.Description}
		switch f.Kind {
		case api.Bool:
			schema["type"] = "boolean"
		case api.Any:
			schema["type"], schema["additionalProperties"] = "object", true
		case api.Text, api.Number:
		}
		properties[f.Name] = schema
		if f.Required {
			required = append(required, f.Name)
		}
	}
	schema := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return object{"required": len(required) > 0, "content": content(schema)}
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func content(schema object) object { return object{"application/json": object{"schema": schema}} }
