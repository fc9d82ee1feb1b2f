package engine_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/sourcetest/toy"
	"github.com/entraflow/entraflow/internal/source/stores"
)

type closer struct{ closed int }

func (c *closer) Close() error {
	c.closed++
	return errors.New("the server has gone away")
}

// What a store shares among its sources is closed with the worker; that it cannot be closed is logged and keeps nothing else from it.
func TestSourcesAreClosedWithTheWorker(t *testing.T) {
	shared, log := []*closer{{}, {}}, &strings.Builder{}
	store := toy.Store
	open := store.Opener
	store.Opener = func(env source.Environment) source.Opener {
		for _, c := range shared {
			env.AtEnd(c)
		}
		return open(env)
	}
	t.Cleanup(stores.Register(store))
	e, err := engine.New(engine.Parts{Environment: engine.Environment{WriteShare: 1, Activities: 1, Pace: 1}, Log: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(t, err)
	e.CloseSources()
	for _, c := range shared {
		require.Equal(t, 1, c.closed)
	}
	require.Equal(t, 2, strings.Count(log.String(), "could not be closed"))
}
