package devserver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/entraflow/entraflow/internal/filelock"
)

// sayAfter is how long somebody waits for a lock before saying so.
const sayAfter = 2 * time.Second

// turn waits until no other server of this user is being started, and keeps others from it until release is called. Two
// that start at once find the same port free; one of them then fails to listen there, but takes the other's answer for
// its own, and two people's data would meet in one server.
func turn(ctx context.Context, say func(string)) (release func() error, err error) {
	folder, err := filelock.UserFolder()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "start.lock")
	patience := time.NewTimer(sayAfter)
	defer patience.Stop()
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
		case <-patience.C:
			say(fmt.Sprintf("waiting until process %d, which has the lock %s, has started its Temporal server", filelock.Holder(path), path))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
