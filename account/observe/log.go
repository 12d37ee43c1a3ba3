package observe

import (
	"context"
	"log/slog"
)

// Log writes a line for each request: method, route, status, duration, kind of
// client and, if somebody is logged in, their id. Of the address only the route
// is written, never a query; of headers and bodies nothing.
func Log(l *slog.Logger) Func {
	return func(ctx context.Context, o Observation) {
		if o.Kind != Request {
			return
		}
		level := slog.LevelInfo
		if o.Status >= 500 {
			level = slog.LevelError
		}
		attrs := []slog.Attr{
			slog.String("method", o.Method), slog.String("route", o.Name), slog.Int("status", o.Status),
			slog.Duration("duration", o.Duration), slog.String("client", o.Client),
		}
		if o.UserID != "" {
			attrs = append(attrs, slog.String("user", o.UserID))
		}
		l.LogAttrs(ctx, level, "request", attrs...)
	}
}
