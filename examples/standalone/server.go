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
	"github.com/headless-auth/headless/store"
)

const (
	pingTimeout  = 2 * time.Second
	drainTimeout = 10 * time.Second
)

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

// serve answers requests until ctx ends. Then it takes no new ones, answers
// those under way, and lets deliveries come to their end.
func (s *settings) serve(ctx context.Context, db *database) error {
	s.Store, s.SessionStore, s.LimitStore = db.Store, db.sessions, db.limits
	if log, ok := db.Store.(store.AuditLog); ok && s.AuditLog {
		s.Config.AuditLog = log
	}
	auth, err := headless.New(s.Config)
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	var draining atomic.Bool
	srv := s.server(s.routes(auth, db, &draining))

	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = auth.Run(background) // it ends with background, and logs what goes wrong
	}()
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	s.Logger.Info("listening", "addr", ln.Addr().String(), "url", s.URL, "database", databaseKind(s.Database))

	select {
	case err = <-failed:
	case <-ctx.Done():
		draining.Store(true)
		s.Logger.Info("stopping")
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if err = srv.Shutdown(last); errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(fmt.Errorf("some requests took longer than %v and were cut off", drainTimeout), srv.Close())
		}
	}
	stopBackground()
	<-stopped
	if err == nil {
		s.Logger.Info("stopped")
	}
	return err
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

func (s *settings) routes(auth *headless.Auth, db *database, draining *atomic.Bool) http.Handler {
	path := s.Path
	if path == "" {
		path = "/_allauth"
	}
	health := func(also func() bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
			defer cancel()
			w.Header().Set("Cache-Control", "no-store")
			if err := db.ping(ctx); err != nil {
				s.Logger.WarnContext(ctx, "the database does not answer", "error", err)
				http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			} else if !also() {
				http.Error(w, "stopping", http.StatusServiceUnavailable)
			} else {
				_, _ = io.WriteString(w, "ok\n")
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle(path+"/", auth.Handler())
	if s.Social != nil {
		mux.Handle(cmp.Or(s.Social.CallbackPath, "/accounts")+"/", auth.Callbacks())
	}
	mux.Handle("GET /.well-known/webauthn", auth.WellKnown())
	mux.Handle("GET /healthz", health(func() bool { return true }))
	mux.Handle("GET /readyz", health(func() bool { return !draining.Load() }))
	if s.LogRequests {
		return logged(mux, s.Logger)
	}
	return mux
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
