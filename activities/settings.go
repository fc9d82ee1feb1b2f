package activities

import (
	"context"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cache"
)

// settingsAge is how long kept settings serve a caller that names no revision.
const settingsAge = 2 * time.Second

// settingsCache spares the connection's workflow a query for every person. It is the provisioner's Settings.
type settingsCache struct {
	read func(ctx context.Context, connection string) (api.Settings, error)
	now  func() time.Time
	kept *cache.Cache[string, keptSettings] // :: connection -> settings
}

// keptSettings are settings with the moment at which they were asked for.
type keptSettings struct {
	api.Settings
	at time.Time
}

func newSettingsCache(read func(context.Context, string) (api.Settings, error), now func() time.Time) *settingsCache {
	return &settingsCache{read: read, now: now, kept: cache.New[string, keptSettings](cache.Options{TTL: keepFor, Idle: true, Now: now})}
}

// AtLeast gives settings of at least the revision; with revision 0, settings at most settingsAge old. Many who ask at once ask one question.
func (c *settingsCache) AtLeast(ctx context.Context, connection string, revision int) (api.Settings, error) {
	usable := func(k keptSettings) bool {
		return k.Revision >= revision && (revision > 0 || c.now().Sub(k.at) < settingsAge)
	}
	k, err := c.kept.Load(ctx, connection, usable, c.ask(connection))
	return k.Settings, err
}

// Fresh asks the connection's workflow. Removals do so before they act.
func (c *settingsCache) Fresh(ctx context.Context, connection string) (api.Settings, error) {
	k, err := c.kept.Fresh(ctx, connection, c.ask(connection))
	return k.Settings, err
}

func (c *settingsCache) ask(connection string) func(context.Context) (keptSettings, error) {
	return func(ctx context.Context) (keptSettings, error) {
		at := c.now()
		s, err := c.read(ctx, connection)
		return keptSettings{s, at}, err
	}
}
