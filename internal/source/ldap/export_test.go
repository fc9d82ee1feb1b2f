package ldap

import (
	"context"

	"github.com/entraflow/entraflow/internal/source"
)

// FeedNumbers is the feed for servers that deny DirSync.
const FeedNumbers = feedNumbers

// WatchBy watches an Active Directory by certain feeds.
func (s *Source) WatchBy(ctx context.Context, after source.Position, report func(source.Changes) error, feeds ...string) error {
	return s.watch(ctx, after, report, feeds...)
}

// FilterOf is the filter for a kind of directory.
func (d Directory) FilterOf(kind string) string { return d.filter(kind) }
