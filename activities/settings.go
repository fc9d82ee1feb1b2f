package activities

import (
	"context"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/api"
)

// settingsAge is how long cached settings serve a caller that names no revision.
const settingsAge = 2 * time.Second

// settingsCache spares the connection's workflow a query for every person.
type settingsCache struct {
	read func(ctx context.Context, connection string) (api.Settings, error)
	now  func() time.Time

	mu      sync.Mutex
	entries map[string]cachedSettings // :: connection -> settings
}

type cachedSettings struct {
	settings api.Settings
	at       time.Time
}

func newSettingsCache(read func(context.Context, string) (api.Settings, error), now func() time.Time) *settingsCache {
	return &settingsCache{read: read, now: now, entries: map[string]cachedSettings{}}
}

// get returns settings of at least the revision; with revision 0, settings at most settingsAge old.
func (c *settingsCache) get(ctx context.Context, connection string, revision int) (api.Settings, error) {
	c.mu.Lock()
	e, ok := c.entries[connection]
	c.mu.Unlock()
	if ok && (revision > 0 && e.settings.Revision >= revision || c.now().Sub(e.at) < settingsAge) {
		if revision <= e.settings.Revision {
			return e.settings, nil
		}
	}
	return c.fresh(ctx, connection)
}

// fresh asks the connection's workflow. Removals do so before they act.
func (c *settingsCache) fresh(ctx context.Context, connection string) (api.Settings, error) {
	s, err := c.read(ctx, connection)
	if err != nil {
		return api.Settings{}, err
	}
	c.mu.Lock()
	c.entries[connection] = cachedSettings{settings: s, at: c.now()}
	c.mu.Unlock()
	return s, nil
}
