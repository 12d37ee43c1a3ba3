package observe

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// checkTimeout bounds what a question about health may take.
const checkTimeout = 2 * time.Second

// Health answers whether a program is well: 200 if all checks are, else 503.
// Why it is not is for the log alone. Without a check, it answers that the
// program runs.
//
//	mux.Handle("GET /healthz", observe.Health(log))
//	mux.Handle("GET /readyz", observe.Health(log, auth.Ready))
func Health(log *slog.Logger, checks ...func(ctx context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		w.Header().Set("Cache-Control", "no-store")
		for _, check := range checks {
			if err := check(ctx); err != nil {
				log.WarnContext(ctx, "not ready", "path", r.URL.Path, "error", err)
				http.Error(w, "not ready", http.StatusServiceUnavailable)
				return
			}
		}
		_, _ = io.WriteString(w, "ok\n") // whoever asked may be gone
	})
}
