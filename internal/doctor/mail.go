package doctor

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
)

// Mail is how mails are sent.
type Mail struct {
	// Server names it for people; Sender is the address that mails come from.
	Server, Sender string
	// Clear: mails are sent there without TLS, to another machine.
	Clear bool
	// Check says whether the server would take a mail.
	Check func(ctx context.Context) error
}

func (e *exam) mail(ctx context.Context) {
	switch {
	case e.Mail == nil:
		e.skip("the mailer can't be asked")
		return
	case e.Offline:
		e.skip("nothing is called")
		return
	}
	if e.Mail.Clear {
		e.add(Warning, "mails carry keys that let whoever reads them into accounts", "let the server offer STARTTLS, and leave out tls=none", "mails go to %s without TLS", e.Mail.Server)
	}
	if err := e.Mail.Check(ctx); err != nil {
		e.add(Problem, "no mail leaves: nobody can verify an address or reset a password", "see that host, port, TLS, username and password are right, and that no firewall is in between",
			"%s would take no mail: %v", e.Mail.Server, err)
	}
}

// mailDomain sees whether other servers will believe the sender.
func (e *exam) mailDomain(ctx context.Context) {
	switch {
	case e.Mail == nil || e.Mail.Sender == "":
		e.skip("the sender is not known")
		return
	case e.Offline || e.Resolver == nil:
		e.skip("nothing is looked up")
		return
	}
	_, domain, _ := strings.Cut(e.Mail.Sender[strings.LastIndexByte(e.Mail.Sender, '@'):], "@")
	domain = strings.ToLower(domain)
	if reserved(domain) {
		e.add(Problem, "no server takes mails from there", "set the sender to an address of your own domain", "mails come from %s, and %s is reserved for examples (RFC 2606)", e.Mail.Sender, domain)
		return
	}
	e.exchanger(ctx, domain)
	e.spf(ctx, domain)
	e.dmarc(ctx, domain)
}

func reserved(domain string) bool {
	for _, r := range []string{"example.com", "example.net", "example.org", "example", "invalid", "localhost"} {
		if within(domain, r) {
			return true
		}
	}
	return net.ParseIP(strings.Trim(domain, "[]")) != nil
}

// absent reports whether a look-up has found that there is nothing, as opposed
// to having failed.
func (e *exam) absent(err error, what string) (nothing, failed bool) {
	var dns *net.DNSError
	switch {
	case err == nil:
		return false, false
	case errors.As(err, &dns) && dns.IsNotFound:
		return true, false
	}
	e.skip(what + ": " + err.Error())
	return false, true
}

func (e *exam) exchanger(ctx context.Context, domain string) {
	l, err := e.Resolver.LookupMX(ctx, domain)
	nothing, failed := e.absent(err, "the MX records of "+domain)
	const mend = "add an MX record, or send from a domain that has one"
	switch {
	case failed:
	case len(l) == 1 && (l[0].Host == "." || l[0].Host == ""):
		e.add(Problem, "servers refuse mails that they could not answer; RFC 7505 §4.2", mend, "%s says that it takes no mail (null MX), and mails come from there", domain)
	case nothing || len(l) == 0:
		if _, err := e.Resolver.LookupNetIP(ctx, "ip", domain); err == nil {
			e.add(Warning, "its web server is taken for its mail server, so that bounces get lost; RFC 5321 §5.1", mend, "%s has no MX record", domain)
			return
		}
		e.add(Problem, "servers refuse mails that they could not answer", mend, "%s has neither an MX record nor an address", domain)
	}
}

func (e *exam) spf(ctx context.Context, domain string) {
	l, failed := e.texts(ctx, domain, "v=spf1")
	const why = "without it, big mail services refuse mails or take them for spam"
	switch {
	case failed:
	case len(l) == 0:
		e.add(Warning, why, "add a TXT record that lists the servers that send for the domain, such as: v=spf1 include:… -all", "%s has no SPF record (RFC 7208)", domain)
	case len(l) > 1:
		e.add(Problem, "several are as good as none; RFC 7208 §4.5", "make one of them", "%s has %d SPF records", domain, len(l))
	case slices.Contains(strings.Fields(l[0]), "+all") || slices.Contains(strings.Fields(l[0]), "all"):
		e.add(Warning, "anybody may send in the domain's name", "end it with -all or ~all", "the SPF record of %s lets every server send", domain)
	}
}

func (e *exam) dmarc(ctx context.Context, domain string) {
	l, failed := e.texts(ctx, "_dmarc."+domain, "v=DMARC1")
	if org := registrable(domain); !failed && len(l) == 0 && org != domain {
		l, failed = e.texts(ctx, "_dmarc."+org, "v=DMARC1")
	}
	switch {
	case failed:
	case len(l) == 0:
		e.add(Warning, "strangers can send mails that look like yours, and big mail services ask for it", "add a TXT record at _dmarc."+domain+", such as: v=DMARC1; p=quarantine",
			"%s has no DMARC record (RFC 7489)", domain)
	case len(l) > 1:
		e.add(Problem, "several are as good as none; RFC 7489 §6.6.3", "make one of them", "%s has %d DMARC records", domain, len(l))
	}
}

// texts are the TXT records that begin with a version.
func (e *exam) texts(ctx context.Context, name, version string) (l []string, failed bool) {
	all, err := e.Resolver.LookupTXT(ctx, name)
	if _, failed := e.absent(err, "the TXT records of "+name); failed {
		return nil, true
	}
	for _, text := range all {
		if first, _, _ := strings.Cut(text, ";"); strings.EqualFold(strings.TrimSpace(first), version) || strings.HasPrefix(strings.ToLower(text), strings.ToLower(version)+" ") {
			l = append(l, text)
		}
	}
	return l, false
}
