// Package stores is the registry of identity stores: the one place that names them all.
package stores

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/suggest"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
	"github.com/entraflow/entraflow/internal/source/ldap"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

// registered are the stores. The first is the one that is meant where nothing tells.
var registered = []source.Store{
	file.Store,
	ldap.Store,
	pingone.Store,
}

var mu sync.RWMutex

// Register adds a store until remove is called: for tests, and for programs that bring stores of their own.
func Register(s source.Store) (remove func()) {
	mu.Lock()
	defer mu.Unlock()
	registered = append(slices.Clone(registered), s)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		registered = slices.DeleteFunc(slices.Clone(registered), func(r source.Store) bool { return r.Key == s.Key })
	}
}

// All are the stores that there are.
func All() []source.Store {
	mu.RLock()
	defer mu.RUnlock()
	return registered
}

// Find gives the store of a key.
func Find(key string) (source.Store, bool) {
	for _, s := range All() {
		if s.Key == key {
			return s, true
		}
	}
	return source.Store{}, false
}

// Keys are the keys of the stores, one of which stands below each `source:`.
func Keys() []string {
	var keys []string
	for _, s := range All() {
		keys = append(keys, s.Key)
	}
	return keys
}

// Decode reads the settings of whichever store they are of.
func Decode(text json.RawMessage, report source.Report) source.Settings {
	var members map[string]json.RawMessage
	// What is no object at all is reported by the store's decoding.
	_ = json.Unmarshal(text, &members)
	store, ok := choose(slices.Sorted(maps.Keys(members)))
	if !ok {
		return unknown{text: slices.Clone(text), keys: slices.Sorted(maps.Keys(members))}
	}
	settings := store.New()
	source.Decode(text, settings, report)
	return settings
}

// choose finds the store that keys are of: by its own key, or as far as they can be told by the others.
func choose(keys []string) (source.Store, bool) {
	all := All()
	for _, s := range all {
		if slices.Contains(keys, s.Key) {
			return s, true
		}
	}
	if len(keys) == 0 {
		return all[0], true
	}
	for _, s := range all {
		known := source.Keys(s.New())
		for _, key := range keys {
			if slices.Contains(known, key) || suggest.Nearest(key, known) != "" {
				return s, true
			}
		}
	}
	return source.Store{}, false
}

// Open gives the opener for sources of every store of one process.
func Open(env source.Environment) source.Opener {
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Setting == nil {
		env.Setting = os.Getenv
	}
	openers := map[string]source.Opener{}
	for _, s := range All() {
		openers[s.Key] = s.Opener(env)
	}
	return func(settings source.Settings, use source.Use) (source.Source, error) {
		if settings == nil {
			return nil, fault.New("open source", fault.Invalid, fault.SettingsInvalid, "source")
		}
		open, ok := openers[settings.Store()]
		if !ok {
			return nil, fault.New("open source", fault.Invalid, fault.SettingsInvalid, fmt.Sprintf("source: there is no store %q", settings.Store()))
		}
		return open(settings, use)
	}
}
