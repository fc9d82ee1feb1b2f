package cache_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/cache"
)

func always(v string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return v, nil }
}

// One reads for all who ask for the same key meanwhile, and who asks for another key does not wait.
func TestLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[string, string](cache.Options{})
		slow := make(chan struct{})
		var reads atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				v, err := c.Load(t.Context(), "slow", nil, func(context.Context) (string, error) {
					reads.Add(1)
					<-slow
					return "read", nil
				})
				assert.NoError(t, err)
				assert.Equal(t, "read", v)
			})
		}
		synctest.Wait()
		v, err := c.Load(t.Context(), "other", nil, always("at once"))
		require.NoError(t, err)
		require.Equal(t, "at once", v)
		close(slow)
		wg.Wait()
		require.EqualValues(t, 1, reads.Load())
		v, ok := c.Get("slow")
		require.True(t, ok)
		require.Equal(t, "read", v)
	})
}

// Whoever waits for a read that is given up, fails or panics reads for themselves; an error is never kept.
func TestLoadAfterAnothersFailure(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() (string, error){
		"error": func() (string, error) { return "", errors.New("no") },
		"panic": func() (string, error) { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := cache.New[string, string](cache.Options{})
				begin := make(chan struct{})
				go func() {
					defer func() { _ = recover() }()
					_, err := c.Load(t.Context(), "k", nil, func(context.Context) (string, error) { <-begin; return fail() })
					assert.Error(t, err)
				}()
				synctest.Wait()
				done := make(chan string)
				go func() {
					v, err := c.Load(t.Context(), "k", nil, always("mine"))
					assert.NoError(t, err)
					done <- v
				}()
				synctest.Wait()
				close(begin)
				require.Equal(t, "mine", <-done)
			})
		})
	}
}

// Who gives up waiting does not end the read of the others.
func TestLoadGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := cache.New[string, string](cache.Options{})
		begin := make(chan struct{})
		go func() {
			_, _ = c.Load(t.Context(), "k", nil, func(context.Context) (string, error) { <-begin; return "read", nil })
		}()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Load(ctx, "k", nil, always("never"))
		require.ErrorIs(t, err, context.Canceled)
		close(begin)
		synctest.Wait()
		v, ok := c.Get("k")
		require.True(t, ok)
		require.Equal(t, "read", v)
	})
}

// A value that the caller cannot use is read again, and replaces the old one.
func TestLoadUnusable(t *testing.T) {
	t.Parallel()
	c := cache.New[string, string](cache.Options{})
	c.Put("k", "old")
	v, err := c.Load(t.Context(), "k", func(v string) bool { return v != "old" }, always("new"))
	require.NoError(t, err)
	require.Equal(t, "new", v)
	v, err = c.Fresh(t.Context(), "k", always("newest"))
	require.NoError(t, err)
	require.Equal(t, "newest", v)
	v, _ = c.Get("k")
	require.Equal(t, "newest", v)
	c.Drop("k")
	_, ok := c.Get("k")
	require.False(t, ok)
}

// Values go when their time is over, counted from the reading or from the last use.
func TestTTL(t *testing.T) {
	t.Parallel()
	for _, idle := range []bool{false, true} {
		now := time.Unix(0, 0)
		c := cache.New[string, string](cache.Options{TTL: time.Minute, Idle: idle, Now: func() time.Time { return now }})
		c.Put("k", "v")
		now = now.Add(40 * time.Second)
		_, ok := c.Get("k")
		require.True(t, ok)
		now = now.Add(40 * time.Second)
		_, ok = c.Get("k")
		require.Equal(t, idle, ok)
		now = now.Add(time.Minute)
		_, ok = c.Get("k")
		require.False(t, ok)
	}
}

// Beyond the bound the oldest goes: by reading, or by use.
func TestMax(t *testing.T) {
	t.Parallel()
	for _, idle := range []bool{false, true} {
		c := cache.New[string, string](cache.Options{Max: 3, Idle: idle})
		for i := range 3 {
			c.Put(strconv.Itoa(i), "v")
		}
		_, _ = c.Get("0")
		c.Put("3", "v")
		_, ok := c.Get("0")
		require.Equal(t, idle, ok)
		_, ok = c.Get("1")
		require.Equal(t, !idle, ok)
	}
}
