package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/headless-auth/headless/account"
)

//go:embed web mail.html
var files embed.FS

var mailPage = template.Must(template.ParseFS(files, "mail.html"))

// start listens, at 8080 or, if that is taken, at any free port of this
// machine alone: the mails are open to whoever can connect.
func start() (context.Context, net.Listener, string) {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen at; loopback only")
	flag.Parse()
	host, _, err := net.SplitHostPort(*addr)
	check(err)
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		check(fmt.Errorf("%q is no loopback address; everybody could read the mails", host))
	}
	ln, err := net.Listen("tcp", *addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Printf("%s is taken; using another port.\n", *addr)
		ln, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	check(err)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process
	return ctx, ln, "http://" + ln.Addr().String()
}

// secret is what the file holds, made up when there is none.
func secret(file string) []byte {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(rand.Text() + rand.Text())
		err = errors.Join(err, f.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		check(err)
	}
	s, err := os.ReadFile(file)
	check(err)
	return s
}

// serve answers requests until ctx ends. Requests by another name than ours
// are sent away: so no other site's page can reach in by pointing its name at
// this machine.
func serve(ctx context.Context, ln net.Listener, mux http.Handler) {
	host := ln.Addr().String()
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			http.Redirect(w, r, "http://"+host+"/", http.StatusTemporaryRedirect)
			return
		}
		mux.ServeHTTP(w, r)
	})
	fmt.Printf(welcome, host)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = srv.Shutdown(last)
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		check(err)
	}
	<-stopped
}

const welcome = `
  Open   http://%[1]s        sign up, log in, log out
  Mail   http://%[1]s/mail   what it would have sent

Or as an app would, from another terminal:

  API=http://%[1]s/_allauth/app/v1
  curl -s $API/auth/signup -d '{"email": "ada@example.org", "password": "correct horse battery"}'
  KEY=$(curl -s 'http://%[1]s/mail?json' | grep -o 'verify-email/[A-Za-z0-9._-]*' | head -1 | cut -d/ -f2)
  curl -s $API/auth/email/verify -d '{"key": "'$KEY'"}'
  TOKEN=$(curl -s $API/auth/login -d '{"email": "ada@example.org", "password": "correct horse battery"}' |
    grep -o '"session_token":"[^"]*' | cut -d'"' -f4)
  curl -s http://%[1]s/me -H "X-Session-Token: $TOKEN"

Ctrl-C stops it. Accounts are kept in quickstart.db.
`

func check(err error) {
	if err != nil {
		log.Fatal("quickstart: ", err)
	}
}

// pages are the files of the front end.
func pages() http.Handler {
	dir, err := fs.Sub(files, "web")
	check(err)
	server := http.FileServerFS(dir)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		server.ServeHTTP(w, r)
	})
}

// mailbox is a mailer that keeps the last mails and shows them.
type mailbox struct {
	mu    sync.Mutex
	mails []mail // newest first
}

type mail struct {
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Links   []string  `json:"links"`
	HTML    string    `json:"-"`
}

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

// Send implements [account.Mailer].
func (b *mailbox) Send(_ context.Context, m account.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	html := strings.Replace(m.HTML, "<head>", `<head><base target="_top">`, 1)
	b.mails = slices.Insert(b.mails, 0, mail{time.Now(), m.To, m.Subject, m.Text, link.FindAllString(m.Text, -1), html})
	b.mails = b.mails[:min(len(b.mails), 50)]
	return nil
}

// ServeHTTP shows the mails, as a page or as JSON.
func (b *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	mails := slices.Clone(b.mails)
	b.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Query().Has("json") {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		check(enc.Encode(mails))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_ = mailPage.Execute(w, mails) // the client may be gone
}
