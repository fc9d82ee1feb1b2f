package devserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/entraflow/entraflow/internal/filelock"
)

// turn waits until no other server of this user is being started, and keeps others from it until release is called. Two
// that start at once find the same port free; one of them then fails to listen there, but takes the other's answer for
// its own, and two people's data would meet in one server.
func turn(ctx context.Context) (release func() error, err error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("entraflow-%d-start.lock", os.Getuid()))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := filelock.Try(path)
		switch {
		case err == nil:
			return lock.Release, nil
		case !errors.Is(err, filelock.ErrHeld):
			return nil, fmt.Errorf("wait for a turn to start Temporal: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
