package session

import (
	"io"
	"log/slog"
	"path/filepath"

	"github.com/entraflow/entraflow/internal/engine"
)

// Environment reads the worker's settings.
func (a *Session) Environment() (engine.Environment, error) {
	env, err := engine.LoadEnvironment()
	if err != nil {
		return env, &Failure{Status: StatusWrongUse, What: "the environment cannot be used", Why: err, Next: "correct or unset the variables"}
	}
	env.SimulatorDir = a.Path(env.SimulatorDir)
	return env, nil
}

// Path makes a relative path count from the command's directory.
func (a *Session) Path(path string) string {
	if path == "" || filepath.IsAbs(path) || a.Dir == "." {
		return path
	}
	return filepath.Join(a.Dir, path)
}

// Engine puts the parts of a worker together. Without a link it only plans and tests.
func (a *Session) Engine(t *Link, simulator *engine.SimulatorEndpoint, log *slog.Logger) (*engine.Engine, error) {
	env, err := a.Environment()
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
