package engine

import (
	"context"
	"log/slog"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// tracer tells the log of each finished request to Graph, at level debug, and further, if not nil. A route has no ids and no
// names, so nobody can be told from it.
func tracer(log *slog.Logger, further func(graph.Call)) func(graph.Call) {
	return func(c graph.Call) {
		if ctx := context.Background(); log.Enabled(ctx, slog.LevelDebug) {
			attributes := []slog.Attr{
				slog.String("connection", c.Connection), slog.String("operation", c.Operation), slog.String("method", c.Method),
				slog.String("route", c.Route), slog.Int("status", c.Status), slog.String("requestId", c.RequestID), slog.Duration("duration", c.Duration),
			}
			if c.Err != nil {
				attributes = append(attributes, slog.String("reason", string(fault.Of(c.Err).Reason)), slog.Any("causes", fault.Causes(c.Err)))
			}
			log.LogAttrs(ctx, slog.LevelDebug, "a request to Microsoft Graph", attributes...)
		}
		if further != nil {
			further(c)
		}
	}
}
