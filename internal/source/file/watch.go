package file

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Watch looks at the file once a second, or more often where quiet is shorter, and tells of a change when the file has been quiet. Who has
// changed it does not tell. A file that is not there, as in the moment in which it is replaced, is no change. The position is its
// time and size, so that a change while nobody was watching is told, too.
//
// Looking is cheap, and works on network drives and in containers, where the operating system often tells of no changes.
func (s *store) Watch(ctx context.Context, after source.Position, report func(source.Changes) error) error {
	known := string(after)
	if after == nil {
		known, _ = s.state()
		if err := report(source.Changes{Position: source.Position(known)}); err != nil {
			return err
		}
	}
	tick := time.NewTicker(min(time.Second, max(s.quiet/4, 10*time.Millisecond)))
	defer tick.Stop()
	seen, since := known, time.Now()
	for {
		select {
		case <-ctx.Done():
			return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, s.place.name, context.Cause(ctx))
		case now := <-tick.C:
			state, there := s.state()
			switch {
			case !there:
			case state != seen:
				seen, since = state, now
			case state != known && now.Sub(since) >= s.quiet:
				if err := report(source.Changes{Everybody: true, Position: source.Position(state)}); err != nil {
					return err
				}
				known = state
			}
		}
	}
}

// state is what tells one content of the file from another: its time and size, and no name.
func (s *store) state() (state string, there bool) {
	info, err := os.Stat(s.place.path)
	if err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	return fmt.Sprintf("%d/%d", info.ModTime().UnixNano(), info.Size()), true
}
