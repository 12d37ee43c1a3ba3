package account

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/api"
)

// The actions that count whatever is sent to an address or number, by all flows
// together. Each flow takes them along with a limit of its own and is answered
// as that answers, before it matters whether there is an account; so nobody
// learns from them. Requirement LIM-6.
//
// Three shares are counted apart, so that none is used up by another: what
// anybody can have sent there, under the bare address; the codes that end a login
// whose first proof was right, which a stranger has not; and each kind of notice,
// as a flood must not swallow the one that tells of the attack.
const (
	actionMail = "mail"
	actionSMS  = "sms"

	shareLogin   = "login:"
	shareNotices = "notice:"
)

// defaultLimits are the rate limits where the host does not say.
// spec: account.md §12.
var defaultLimits = map[string]string{
	"login":                   "30/m/ip",
	"login_failed":            "10/m/ip,5/300s/key",
	"signup":                  "20/m/ip",
	"request_login_code":      "20/m/ip,3/m/key",
	"reset_password":          "20/m/ip,5/m/key",
	"reset_password_from_key": "20/m/ip",
	"change_password":         "5/m/user",
	"manage_email":            "10/m/user",
	"change_phone":            "1/m/user",
	"reauthenticate":          "10/m/user",
	"password_failed":         "100/30d/key",
	"code_failed":             "100/1d/key",
	"mfa_failed":              "100/30d/key",
	"confirm_email":           "1/180s/key",
	"verify_phone":            "1/30s/key,3/m/ip",
	"mail":                    "50/d/key",
	"sms":                     "20/d/key",
	"admin_failed":            "10/m/ip",
}

// codeLimit is the default of confirm_email where codes are mailed, which
// people wait for.
const codeLimit = "1/10s/key"

// Limits reads the host's rate limits over the defaults. What is wrong with
// them is told by action.
func (c *Config) Limits(own map[string]string) (rates map[string][]api.Rate, problems map[string]string) {
	rates, problems = map[string][]api.Rate{}, map[string]string{}
	for action := range own {
		if _, ok := defaultLimits[action]; !ok {
			problems[action] = "is no action; write one of " + strings.Join(slices.Sorted(maps.Keys(defaultLimits)), ", ")
		}
	}
	for action, text := range defaultLimits {
		if given, ok := own[action]; ok {
			text = given
		} else if action == "confirm_email" && c.EmailVerificationByCode {
			text = codeLimit
		}
		l, err := api.ParseRates(text)
		if err != nil {
			problems[action] = fmt.Sprint(err)
		}
		rates[action] = l
	}
	return rates, problems
}
