// Spa is a site with a single-page front end that can do everything the API
// offers. It needs nothing else to run: what it would mail is shown on a page,
// and the identity provider comes along.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headless-auth/headless/store/sqlite"
)

func main() {
	port := flag.String("port", "8080", "`port` to listen at, on this machine alone")
	links := flag.Bool("links", false, "mail links in place of codes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process

	st, err := sqlite.Open(ctx, "spa.db")
	check(err)
	check(st.Migrate(ctx))
	secret, err := keep("spa.secret")
	check(err)
	ln, err := listen(*port)
	check(err)
	idLn, err := listen("0")
	check(err)
	s, err := newSite(options{
		// Browsers have passkeys on names only, not on addresses. The identity
		// provider is another site to them by its name.
		url: "http://localhost:" + portOf(ln), idURL: "http://" + idLn.Addr().String(),
		store: st, secret: secret, links: *links, now: time.Now,
	})
	check(err)
	go s.auth.Run(ctx)
	go serve(ctx, idLn, s.id)
	fmt.Printf(welcome, s.url)
	serve(ctx, ln, s)
	check(st.Close())
}

const welcome = `
  Open      %[1]s
  Mailbox   %[1]s/mailbox   its mails and text messages

Ctrl-C stops it. Accounts are kept in spa.db. With -links, mails carry links
in place of codes.
`

// listen listens on this machine alone: the mails are open to whoever can
// connect. A port that is taken gives way to any other.
func listen(port string) (net.Listener, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Printf("Port %s is taken; using another.\n", port)
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return ln, err
}

func portOf(ln net.Listener) string {
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, ln net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
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

func check(err error) {
	if err != nil {
		log.Fatal("spa: ", err)
	}
}
