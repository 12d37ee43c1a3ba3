// Package socialaccount logs people in through identity providers: browsers by
// redirect, apps by the tokens of the providers' own libraries. It links
// accounts there to users here, and makes new users of strangers.
// spec: socialaccount.md.
package socialaccount
