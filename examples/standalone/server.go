package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/account/observe/prom"
	"github.com/headless-auth/headless/store"
)

const drainTimeout = 10 * time.Second

func serveCommand(o *options) action {
	o.config()
	migrate := o.Bool("migrate", true, "bring the database's tables up to date first")
	logRequests := o.Bool("log-requests", false, "write a line for each request")
	return func(ctx context.Context) error {
		s, err := o.settings()
		if err != nil {
			return err
		}
		s.LogRequests = s.LogRequests || *logRequests
		s.Logger = newLogger(o.err, s.LogFormat)
		db, err := s.openDatabase(ctx, s.Logger)
		if err != nil {
			return err
		}
		if *migrate {
			err = db.bringUpToDate(ctx)
		}
		if err == nil {
			err = s.serve(ctx, db)
		}
		return errors.Join(err, db.close())
	}
}

func newLogger(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// auth makes the library of the settings, on an opened database.
func (s *settings) auth(db *database) (*headless.Auth, error) {
	s.Store, s.SessionStore, s.LimitStore = db.Store, db.sessions, db.limits
	if log, ok := db.Store.(store.AuditLog); ok && s.AuditLog {
		s.Config.AuditLog = log
	}
	return headless.New(s.Config)
}

// serve answers requests until ctx ends. Then it takes no new ones, answers
// those under way, and lets deliveries come to their end.
func (s *settings) serve(ctx context.Context, db *database) error {
	var metrics *prom.Metrics
	if s.MetricsListen != "" {
		metrics = prom.New()
		s.Observe = metrics.Observe
	}
	auth, err := s.auth(db)
	if err != nil {
		return err
	}
	var draining atomic.Bool
	doors := []*door{{server: s.server(s.routes(auth, &draining)), addr: s.Addr}}
	if s.Admin != nil && s.Admin.Listen != "" {
		doors = append(doors, &door{server: s.server(s.logged(auth.Admin())), addr: s.Admin.Listen, who: "operators"})
	}
	if metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", metrics)
		doors = append(doors, &door{server: s.server(mux), addr: s.MetricsListen, who: "Prometheus"})
	}
	for _, d := range doors {
		if d.ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", d.addr); err != nil {
			for _, d := range doors {
				err = errors.Join(err, d.close())
			}
			return err
		}
	}

	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = auth.Run(background) // it ends with background, and logs what goes wrong
	}()
	failed := make(chan error, len(doors))
	for _, d := range doors {
		go func() { failed <- d.server.Serve(d.ln) }()
	}
	for _, d := range doors[1:] {
		s.Logger.Info("listening for "+d.who, "addr", d.ln.Addr().String())
	}
	s.Logger.Info("listening", "addr", doors[0].ln.Addr().String(), "url", s.URL, "database", databaseKind(s.Database))
	dropPages()

	select {
	case err = <-failed:
		for _, d := range doors {
			err = errors.Join(err, d.server.Close())
		}
	case <-ctx.Done():
		draining.Store(true)
		s.Logger.Info("stopping")
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		for _, d := range doors {
			e := d.server.Shutdown(last)
			if errors.Is(e, context.DeadlineExceeded) {
				e = errors.Join(fmt.Errorf("some requests took longer than %v and were cut off", drainTimeout), d.server.Close())
			}
			err = errors.Join(err, e)
		}
	}
	stopBackground()
	<-stopped
	if err == nil {
		s.Logger.Info("stopped")
	}
	return err
}

// door is an address with who answers there.
type door struct {
	server *http.Server
	addr   string
	who    string       // comes in, if not everybody does
	ln     net.Listener // nil until it is open
}

func (d *door) close() error {
	if d.ln == nil {
		return nil
	}
	return d.ln.Close()
}

// server has a bound for everything that a client could draw out.
func (s *settings) server(h http.Handler) *http.Server {
	patience := max(s.Timeout, 5*time.Second)
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       patience + 10*time.Second,
		WriteTimeout:      patience + 25*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelWarn),
	}
}

func (s *settings) routes(auth *headless.Auth, draining *atomic.Bool) http.Handler {
	path := s.Path
	if path == "" {
		path = "/_allauth"
	}
	staying := func(context.Context) error {
		if draining.Load() {
			return errors.New("the server is stopping")
		}
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle(path+"/", auth.Handler())
	if s.Social != nil {
		mux.Handle(cmp.Or(s.Social.CallbackPath, "/accounts")+"/", auth.Callbacks())
	}
	if s.Admin != nil && s.Admin.Listen == "" {
		mux.Handle(cmp.Or(s.Admin.Path, "/_admin")+"/", auth.Admin())
	}
	if s.ForwardAuthPath != "" {
		var l []headless.Requirement
		for _, name := range s.ForwardAuthRequire {
			l = append(l, requirements[name])
		}
		mux.Handle(s.ForwardAuthPath, auth.ForwardAuth(l...))
	}
	mux.Handle("GET /.well-known/webauthn", auth.WellKnown())
	mux.Handle("GET /healthz", observe.Health(s.Logger))
	mux.Handle("GET /readyz", observe.Health(s.Logger, staying, auth.Ready))
	return s.logged(mux)
}

func (s *settings) logged(h http.Handler) http.Handler {
	if s.LogRequests {
		return logged(h, s.Logger)
	}
	return h
}

// logged writes a line for each request. Of the address only the path is
// shown: a query may carry what is secret.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			log.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", rec.status,
				"bytes", rec.bytes, "duration", time.Since(start), "remote", r.RemoteAddr)
		}()
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
