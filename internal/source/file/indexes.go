package file

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/entraflow/entraflow/internal/fault"
)

// Indexes are the indexes of a worker's source files, so that reading one person does not read the whole file. An index
// takes up to about 80 bytes a person, is made by the first who needs it while the others wait, and is made anew when the
// file's identity, size or modification time differs. Of a file that cannot be used, the error is kept in the same way.
//
// The zero value is ready. Safe for use by several goroutines.
type Indexes struct {
	// Now is the clock that modification times are compared with. Default time.Now.
	Now func() time.Time

	mu     sync.Mutex
	made   map[string]*index
	flight singleflight.Group
}

func (x *Indexes) now() time.Time {
	if x.Now != nil {
		return x.Now()
	}
	return time.Now()
}

// key tells apart what must have indexes of their own.
func (s *store) key() string {
	return fmt.Sprintf("%q %q %s %t", s.place.path, s.place.root, s.settings.Key(), s.settings.enabledOptional())
}

func (x *Indexes) put(key string, made *index) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.made == nil {
		x.made = map[string]*index{}
	}
	x.made[key] = made
}

func (x *Indexes) drop(key string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.made, key)
}

// of gives the index of a file that was just seen in this state. Where the modification time alone cannot tell the file's
// states apart, the index is not older than since.
func (x *Indexes) of(ctx context.Context, s *store, info fs.FileInfo, since time.Time) (*index, error) {
	key := s.key()
	x.mu.Lock()
	known := x.made[key]
	x.mu.Unlock()
	if known != nil && known.describes(info) && (known.settled() || !known.began.Before(since)) {
		return known, known.err
	}
	// Several wait for one reading, so it must not end because one of them gives up.
	reading := x.flight.DoChan(key, func() (any, error) { return x.build(context.WithoutCancel(ctx), s) })
	select {
	case <-ctx.Done():
		return nil, s.cancelled(ctx)
	case result := <-reading:
		if result.Err != nil {
			return nil, result.Err
		}
		made := result.Val.(*index)
		if !made.settled() && made.began.Before(since) {
			return nil, s.changed()
		}
		return made, made.err
	}
}

// build reads the file and keeps what it found. The error is one of reading; what is wrong with the file is in the index.
func (x *Indexes) build(ctx context.Context, s *store) (*index, error) {
	f, err := s.place.open()
	if err != nil {
		if fault.Is(err, fault.SourceMissing) {
			x.drop(s.key())
		}
		return nil, err
	}
	defer f.Close()
	began := x.now()
	made, err := s.scan(ctx, f, nil, nil)
	if fault.KindOf(err) == fault.Invalid {
		made, err = &index{info: f.info, began: began, err: err}, nil
	}
	if err != nil {
		return nil, err
	}
	x.put(s.key(), made)
	return made, nil
}
