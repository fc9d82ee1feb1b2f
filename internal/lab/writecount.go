package lab

import (
	"context"
	"sync"
	"time"
)

// WriteCount counts what the tenant is sent, and wakes whoever waits for a number of writes. The zero WriteCount is ready.
type WriteCount struct {
	mu    sync.Mutex
	count int
	next  int
	reach chan struct{}
}

// Add counts one write.
func (w *WriteCount) Add() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	if w.reach != nil && w.count >= w.next {
		close(w.reach)
		w.reach = nil
	}
}

// Writes is how many there were.
func (w *WriteCount) Writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// Reached waits until so many writes were sent; false when what sends them ended before. One caller at a time.
func (w *WriteCount) Reached(ctx context.Context, writes int, ended <-chan struct{}) bool {
	w.mu.Lock()
	if w.count >= writes {
		w.mu.Unlock()
		return true
	}
	reach := make(chan struct{})
	w.next, w.reach = writes, reach
	w.mu.Unlock()
	select {
	case <-reach:
		return true
	case <-ended:
	case <-ctx.Done():
	case <-time.After(5 * time.Minute):
	}
	return false
}
