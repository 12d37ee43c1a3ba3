package i18n

import (
	"slices"
	"strconv"
	"strings"
)

// Bounds on what strangers send.
const (
	maxHeader = 1024 // bytes of Accept-Language that are looked at
	maxTag    = 35   // RFC 5646 §4.4.1
)

// match returns the language that a header Accept-Language likes best: the
// first of those with the highest weight. RFC 9110 §12.5.4.
func (c *Catalog) match(header string) string {
	if len(header) > maxHeader {
		header = header[:strings.LastIndexByte(header[:maxHeader], ',')+1]
	}
	best, weight := Default, 0.0
	for item := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(item, ";")
		w := quality(params)
		if w <= weight {
			continue
		}
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			best, weight = Default, w
		} else if l, ok := c.Resolve(tag); ok {
			best, weight = l, w
		}
	}
	return best
}

// quality reads ";q=0.8". What is no weight weighs nothing.
func quality(params string) float64 {
	params = strings.TrimSpace(params)
	if params == "" {
		return 1
	}
	name, value, _ := strings.Cut(params, "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if !strings.EqualFold(strings.TrimSpace(name), "q") || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// Lookups returns the tags under which to look for a language, in lower case,
// the most special first; none for what is no tag. RFC 4647 §3.4. Chinese is two languages when written,
// so its script is put in where the tag has none.
func Lookups(tag string) []string {
	if tag == "" || len(tag) > maxTag {
		return nil
	}
	parts := strings.Split(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	if parts[0] == "zh" && (len(parts) == 1 || len(parts[1]) != 4) {
		script := "hans"
		if slices.ContainsFunc(parts, func(p string) bool { return p == "tw" || p == "hk" || p == "mo" }) {
			script = "hant"
		}
		parts = slices.Insert(parts, 1, script)
	}
	var tags []string
	for n := len(parts); n > 0; n-- {
		tags = append(tags, strings.Join(parts[:n], "-"))
	}
	return tags
}
