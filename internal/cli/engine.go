package cli

import (
	"io"
	"log/slog"
	"path/filepath"

	"github.com/entraflow/entraflow/internal/engine"
)

// environment reads the worker's settings.
func (a *app) environment() (engine.Environment, error) {
	env, err := engine.LoadEnvironment()
	if err != nil {
		return env, &failure{status: statusWrongUse, what: "the environment cannot be used", why: err, next: "correct or unset the variables"}
	}
	env.SimulatorDir = a.path(env.SimulatorDir)
	return env, nil
}

// path makes a relative path count from the command's directory.
func (a *app) path(path string) string {
	if path == "" || filepath.IsAbs(path) || a.dir == "." {
		return path
	}
	return filepath.Join(a.dir, path)
}

// engine puts the parts of a worker together. Without a link it only plans and tests.
func (a *app) engine(t *link, simulator *engine.SimulatorEndpoint, log *slog.Logger) (*engine.Engine, error) {
	env, err := a.environment()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	parts := engine.Parts{Environment: env, Simulator: simulator, Log: log}
	if t != nil {
		parts.Client, parts.Converter = t.Client, t.converter
	}
	return engine.New(parts)
}
