package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/headless-auth/headless/internal/mail"
)

// mailsCommand shows what mails look like, with the templates of the
// configuration, made of sample data.
func mailsCommand(_ context.Context, args []string, stderr io.Writer) error {
	o := newOptions("mails", stderr)
	dir := o.String("out", "", "`folder` to write into")
	locales := o.String("locales", "", "languages, such as en,nl (default all)")
	if err := o.parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("-out is missing; name a folder to write into")
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
	fmt.Fprintf(stderr, "standalone: wrote the mails into %s\n", *dir)
	return nil
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
