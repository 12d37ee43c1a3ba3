package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headless-auth/headless/account"
)

//go:embed mailbox.html
var mailboxHTML string

var mailboxPage = template.Must(template.New("mailbox").Parse(mailboxHTML))

// mailbox keeps the last mails and text messages, and shows them.
type mailbox struct {
	now func() time.Time

	mu    sync.Mutex
	total int
	list  []message // newest first
}

// message is a mail, or a text message, which has no subject.
type message struct {
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	Subject string    `json:"subject,omitempty"`
	Text    string    `json:"text"`
	Code    string    `json:"code,omitempty"`
	Links   []string  `json:"links,omitempty"`
	HTML    string    `json:"-"`
}

// mailboxSize bounds what is kept.
const mailboxSize = 50

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

// Send implements [account.Mailer].
func (b *mailbox) Send(_ context.Context, m account.Message) error {
	html := strings.Replace(m.HTML, "<head>", `<head><base target="_top">`, 1)
	b.put(message{To: m.To, Subject: m.Subject, Text: m.Text, Code: m.Data["code"], Links: link.FindAllString(m.Text, -1), HTML: html})
	return nil
}

// SendSMS implements [account.SMSSender].
func (b *mailbox) SendSMS(_ context.Context, m account.SMS) error {
	b.put(message{To: m.To, Text: m.Text, Code: m.Code})
	return nil
}

func (b *mailbox) put(m message) {
	m.At = b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total++
	b.list = slices.Insert(b.list, 0, m)
	b.list = b.list[:min(len(b.list), mailboxSize)]
}

// content is what the mailbox shows. Total counts what it ever got.
type content struct {
	Total    int       `json:"total"`
	Messages []message `json:"messages"`
}

func (b *mailbox) content() content {
	b.mu.Lock()
	defer b.mu.Unlock()
	return content{b.total, slices.Clone(b.list)}
}

// ServeHTTP shows the messages, as a page or as JSON.
func (b *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.URL.Query().Has("json") {
		h.Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(b.content()) // the client may be gone
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	// Mails bring styles of their own; they are shown in frames that run nothing.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'self'; frame-ancestors 'none'")
	_ = mailboxPage.Execute(w, b.content()) // the client may be gone
}
