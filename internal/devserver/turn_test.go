package devserver_test

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/devserver"
)

// Servers that are started at the same moment each get ports of their own: none takes another's answer for its own.
func TestServersStartedAtOnceDoNotMeet(t *testing.T) {
	t.Parallel()
	const n = 3
	var wg sync.WaitGroup
	servers := make([]*devserver.Server, n)
	errs := make([]error, n)
	for i := range n {
		dir := t.TempDir()
		wg.Add(1)
		go func() {
			defer wg.Done()
			servers[i], errs[i] = devserver.Start(context.Background(), devserver.Options{
				Dir: dir, Binary: devserver.Locator{Getenv: os.Getenv}.Locate,
			})
		}()
	}
	wg.Wait()
	addresses := map[string]bool{}
	for i, s := range servers {
		require.NoError(t, errs[i])
		addresses[s.Address] = true
		select {
		case <-s.Done():
			t.Errorf("server %d has ended: %v", i, s.Err())
		default:
		}
		require.NoError(t, s.Stop())
	}
	require.Len(t, addresses, n)
}
