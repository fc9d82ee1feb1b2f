package session

import (
	"context"
)

// UntilInterrupted does something that may not notice that nobody waits for it any more, such as the reading of a pipe into which nobody
// writes. After an interruption it goes on in the background, until the command's process ends.
func UntilInterrupted[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
