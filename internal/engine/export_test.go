package engine

import "github.com/entraflow/entraflow/internal/graph"

// Endpoints finds the hosts of a cloud.
func (e *Engine) Endpoints(cloud string) (graph.Endpoints, error) { return e.endpoints(cloud) }
