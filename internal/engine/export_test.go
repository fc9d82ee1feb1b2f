package engine

import (
	"context"
	"reflect"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/graph"
)

// Endpoints finds the hosts of a cloud.
func (e *Engine) Endpoints(cloud string) (graph.Endpoints, error) { return e.endpoints(cloud) }

// ActivityNames are the names of the registered activities: every exported method.
func (e *Engine) ActivityNames() []string {
	var names []string
	for m := range reflect.TypeOf(e.activities).Methods() {
		names = append(names, m.Name)
	}
	return names
}

// NewInterceptor and Tracer are what a worker logs with.
var (
	NewInterceptor = newInterceptor
	Tracer         = tracer
)

// Describe asks a connection's workflow for its settings.
func (e *Engine) Describe(ctx context.Context, connection string) (api.Settings, error) {
	return e.describe(ctx, connection)
}

// CloseSources gives back the connections that sources keep.
func (e *Engine) CloseSources() { e.closeSources() }
