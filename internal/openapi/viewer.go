package openapi

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"strings"
)

//go:embed viewer/viewer.html
var viewerHTML string

//go:embed viewer/viewer.css
var viewerCSS string

//go:embed viewer/viewer.js
var viewerJS string

// viewer is a page that shows the document at openapi.json beside it. It needs
// nothing else, and may do nothing else.
func viewer() []byte {
	return []byte(strings.NewReplacer("{{style}}", viewerCSS, "{{script}}", viewerJS).Replace(viewerHTML))
}

// viewerPolicy is the page's Content-Security-Policy.
func viewerPolicy() string {
	return "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
		"; script-src 'sha256-" + digest(viewerJS) + "'; style-src 'sha256-" + digest(viewerCSS) + "'"
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}
