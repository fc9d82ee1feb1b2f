// Package cache keeps what was read, for a while. Whoever asks for a key that nobody has read reads it for all others who
// ask meanwhile; who asks for another key does not wait for that.
package cache

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Options say how long and how much a cache keeps.
type Options struct {
	// TTL is how long a value is kept; 0 keeps it for ever.
	TTL time.Duration
	// Idle: TTL counts from the last use of a value and not from its reading, and Max drops what was used longest ago.
	Idle bool
	// Max is how many values are kept; beyond it the oldest go. 0 sets no bound.
	Max int
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Cache keeps values of V by keys of K. It is safe for concurrent use. Make it with New.
type Cache[K comparable, V any] struct {
	options Options

	mu      sync.Mutex
	entries map[K]*list.Element
	// order holds the entries, the newest in front, so that what is to be dropped is at the back.
	order list.List
	reads map[K]*read[V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
	at    time.Time
}

// read is one reading under way. value and err are set before done is closed.
type read[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// New returns an empty cache.
func New[K comparable, V any](o Options) *Cache[K, V] {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Cache[K, V]{options: o, entries: map[K]*list.Element{}, reads: map[K]*read[V]{}}
}

// Get gives the value of a key; ok is false where there is none, or its time is over.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.get(key)
}

func (c *Cache[K, V]) get(key K) (value V, ok bool) {
	found, ok := c.entries[key]
	if !ok {
		return value, false
	}
	e := found.Value.(*entry[K, V])
	now := c.options.Now()
	if c.over(e, now) {
		c.remove(found)
		return value, false
	}
	if c.options.Idle {
		e.at = now
		c.order.MoveToFront(found)
	}
	return e.value, true
}

// Put sets the value of a key.
func (c *Cache[K, V]) Put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.options.Now()
	if old, ok := c.entries[key]; ok {
		c.remove(old)
	}
	c.entries[key] = c.order.PushFront(&entry[K, V]{key: key, value: value, at: now})
	for oldest := c.order.Back(); oldest != nil; oldest = c.order.Back() {
		tooMany := c.options.Max > 0 && c.order.Len() > c.options.Max
		if !tooMany && !c.over(oldest.Value.(*entry[K, V]), now) {
			return
		}
		c.remove(oldest)
	}
}

// Drop forgets a key.
func (c *Cache[K, V]) Drop(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.entries[key]; ok {
		c.remove(found)
	}
}

func (c *Cache[K, V]) remove(element *list.Element) {
	c.order.Remove(element)
	delete(c.entries, element.Value.(*entry[K, V]).key)
}

func (c *Cache[K, V]) over(e *entry[K, V], now time.Time) bool {
	return c.options.TTL > 0 && now.Sub(e.at) >= c.options.TTL
}

// Load gives the value of a key, if it is usable, and else reads it. While somebody reads the key, others wait for them;
// if that read fails, or its value is not usable, the others read for themselves. usable may be nil.
//
// Errors: those of read, which are not kept; that of ctx while waiting.
func (c *Cache[K, V]) Load(ctx context.Context, key K, usable func(V) bool, readKey func(context.Context) (V, error)) (V, error) {
	for {
		c.mu.Lock()
		value, ok := c.get(key)
		if ok && (usable == nil || usable(value)) {
			c.mu.Unlock()
			return value, nil
		}
		other := c.reads[key]
		if other == nil {
			return c.lead(ctx, key, readKey)
		}
		c.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			return value, ctx.Err()
		}
		if other.err == nil && (usable == nil || usable(other.value)) {
			return other.value, nil
		}
	}
}

// lead reads a key for all who wait for it. c.mu is locked, and is unlocked while reading.
func (c *Cache[K, V]) lead(ctx context.Context, key K, readKey func(context.Context) (V, error)) (V, error) {
	mine := &read[V]{done: make(chan struct{}), err: context.Canceled}
	c.reads[key] = mine
	c.mu.Unlock()
	// Also when readKey panics: those who wait must not wait for ever.
	defer func() {
		c.mu.Lock()
		delete(c.reads, key)
		c.mu.Unlock()
		close(mine.done)
	}()
	mine.value, mine.err = readKey(ctx)
	if mine.err == nil {
		c.Put(key, mine.value)
	}
	return mine.value, mine.err
}

// Fresh reads a key in any case, and keeps the value for others. It waits for nobody: a read that began earlier may not
// show what happened since.
//
// Errors: those of read, which are not kept.
func (c *Cache[K, V]) Fresh(ctx context.Context, key K, readKey func(context.Context) (V, error)) (V, error) {
	value, err := readKey(ctx)
	if err == nil {
		c.Put(key, value)
	}
	return value, err
}
