package check_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/simulator"
)

// failing lets every request to a path fail.
func failing(path string, f simulator.Fault) func(*simulator.Server) {
	return func(s *simulator.Server) {
		for range 20 {
			s.FailNext(answers(path), f)
		}
	}
}

// Each request of a test meets each kind of passing trouble once, and the connection is found valid all the same.
func TestPassingTroubles(t *testing.T) {
	t.Parallel()
	asked := map[string]string{"Retry-After": "7"}
	for name, f := range map[string]simulator.Fault{
		"unavailable":                {Status: 503},
		"unavailable for a time":     {Status: 503, Headers: asked},
		"throttled":                  {Status: 429, Headers: asked},
		"no body":                    {Status: 502},
		"carried out without a word": {Status: 504, Commit: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			paths := []string{"/oauth2/", "/organization", "/subscribedSkus", "/extensionProperties", "/users"}
			b.ready = func(s *simulator.Server) {
				for _, path := range paths {
					s.FailNext(answers(path), f)
				}
			}
			require.Equal(t, allGood, lines(b.run()))
			if f.Headers == nil {
				require.Len(t, b.waits, len(paths))
			} else {
				require.Empty(t, b.waits)
				require.Len(t, b.obeyed, len(paths))
				require.False(t, slices.ContainsFunc(b.obeyed, func(d time.Duration) bool { return d < 7*time.Second }), "%v", b.obeyed)
			}
			st := b.server.Stats()
			require.Zero(t, st.EarlyRetries)
			require.Empty(t, st.ProtocolFaults)
		})
	}
}

// A registration whose answer was lost is looked for before it is made again.
func TestRegistrationUncertain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ready = func(s *simulator.Server) {
		s.FailNext(func(r *http.Request) bool {
			return r.Method == http.MethodPost && answers("/extensionProperties")(r)
		}, simulator.Fault{Status: 504, Commit: true})
	}
	require.Equal(t, allGood, lines(b.run()))
	require.Len(t, b.obeyed, 1)
	st := b.server.Stats()
	require.Equal(t, 2, st.Requests["POST /applications/{app}/extensionProperties"])
	require.Equal(t, 2, st.Requests["GET /applications/{app}/extensionProperties"])
}

// Who asks to be left alone for long is; what stays broken is told after some tries.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ready = failing("/organization", simulator.Fault{Status: 503, Headers: map[string]string{"Retry-After": "600"}})
	require.Equal(t, failure("tenant", fault.GraphUnavailable), lines(b.run()))
	require.Empty(t, append(b.waits, b.obeyed...))

	b = newBench(t)
	b.ready = failing("/organization", simulator.Fault{Status: 503})
	require.Equal(t, failure("tenant", fault.GraphUnavailable), lines(b.run()))
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, b.waits)

	b = newBench(t)
	b.ready = failing("/organization", simulator.Fault{Status: 503})
	b.pauseErr = context.Canceled
	require.Equal(t, failure("tenant", fault.Interrupted), lines(b.run()))
}
