package engine_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
)

// That Temporal does not answer is told as that, and not as a defect.
func TestTemporalDoesNotAnswer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	l.Close()
	c, err := client.NewLazyClient(client.Options{HostPort: address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer c.Close()
	e, err := engine.New(engine.Parts{Client: c, Environment: engine.Environment{WriteShare: 1, Activities: 1, Pace: 1}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err = e.Describe(ctx, "contoso")
	require.Equal(t, fault.TemporalUnavailable, fault.Of(err).Reason, "%v", err)
	require.Equal(t, fault.Transient, fault.Of(err).Kind)
	require.NotEmpty(t, fault.Causes(err))
}
