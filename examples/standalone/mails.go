package main

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"github.com/headless-auth/headless/internal/mail"
)

// mailsCommand shows what mails look like, with the templates of the
// configuration, made of sample data.
func mailsCommand(o *options) action {
	o.config()
	dir := o.String("out", "", "`folder` to write into")
	locales := o.String("locales", "", "languages, such as en,nl (default all)")
	return func(context.Context) error {
		if *dir == "" {
			return misuse("-out is missing; name a folder to write into")
		}
		s, err := o.settings()
		if err != nil {
			return err
		}
		site, err := s.site()
		if err != nil {
			return err
		}
		r, err := mail.New(s.Mail.Templates, site)
		if err != nil {
			return err
		}
		var chosen []string
		if *locales != "" {
			chosen = strings.Split(*locales, ",")
		}
		if err := mail.WritePreviews(*dir, r, chosen); err != nil {
			return err
		}
		o.say("wrote the mails into %s", *dir)
		return nil
	}
}

// site is what mails call the site.
func (s *settings) site() (mail.Site, error) {
	base, err := url.Parse(s.URL)
	if err != nil {
		return mail.Site{}, err
	}
	site := mail.Site{Name: cmp.Or(s.Name, base.Host), SubjectPrefix: s.Mail.SubjectPrefix}
	if site.SubjectPrefix == "" && !s.Mail.NoSubjectPrefix {
		site.SubjectPrefix = "[" + site.Name + "] "
	}
	return site, nil
}
