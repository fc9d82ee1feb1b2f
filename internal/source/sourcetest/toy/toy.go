// Package toy is a store that tests add to the registry: it shows how little a new store is, and that nothing else has to
// know of it. Its people are those of a sourcetest.Directory, a live store in memory.
package toy

import (
	"net/url"
	"sync"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

// Store is the entry of the registry.
var Store = source.Store{
	Key:    "toy",
	New:    func() source.Settings { return &Settings{} },
	Groups: true,
	Opener: func(source.Environment) source.Opener {
		return func(s source.Settings, _ source.Use) (source.Source, error) {
			directory, ok := directories.Load(s.(*Settings).Toy.Address)
			if !ok {
				return nil, fault.New("read source", fault.Transient, fault.SourceUnreadable, s.Place())
			}
			return directory.(*sourcetest.Directory), nil
		}
	},
}

var directories sync.Map // :: address -> *sourcetest.Directory

// Serve puts a directory at an address.
func Serve(address string, d *sourcetest.Directory) { directories.Store(address, d) }

// Settings are what stands below `source:`.
type Settings struct {
	Toy Server `json:"toy"`
}

// Server says how the directory is reached.
type Server struct {
	// Address is a URL. What it names never changes.
	Address string `json:"address"`
	// Patience is how the directory is read, which may change.
	Patience int `json:"patience,omitempty"`
}

func (s *Settings) Store() string { return Store.Key }

func (s *Settings) Resolve(string) {}

// Check reports an address that is none.
func (s *Settings) Check(r source.Report) {
	if u, err := url.Parse(s.Toy.Address); err != nil || u.Host == "" {
		r.Problem("toy.address", "it is no address; write one, as in toy://directory.example")
	}
}

func (s *Settings) Expressions() []source.Expression { return nil }

func (s *Settings) Identity() []source.Fact {
	return []source.Fact{{Key: "toy.address", Value: s.Toy.Address}}
}

func (s *Settings) Key() string {
	return source.IdentityOf(s) + string(rune('0'+s.Toy.Patience))
}

func (s *Settings) Tag() string { return source.TagOf(s.Toy.Address) }

func (s *Settings) Place() string { return s.Toy.Address }
