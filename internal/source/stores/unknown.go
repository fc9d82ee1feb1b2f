package stores

import (
	"encoding/json"
	"strings"

	"github.com/entraflow/entraflow/internal/source"
)

// unknown are settings of a store that this version does not have. They are kept as they are, so that a connection made by
// a newer version survives an older worker.
type unknown struct {
	text json.RawMessage
	keys []string
}

var _ source.Settings = unknown{}

// MarshalJSON gives the settings back as they came.
func (u unknown) MarshalJSON() ([]byte, error) { return u.text, nil }

func (u unknown) Store() string { return strings.Join(u.keys, ",") }

func (u unknown) Resolve(string) {}

// Check reports that there is no such store.
func (u unknown) Check(r source.Report) { r.Unknown(u.keys[0], Keys()) }

func (u unknown) Expressions() []source.Expression { return nil }

func (u unknown) Identity() []source.Fact {
	return []source.Fact{{Key: u.Store(), Value: string(u.text)}}
}

func (u unknown) Key() string { return "unknown:" + string(u.text) }

func (u unknown) Tag() string { return source.TagOf(u.Key()) }

func (u unknown) Place() string { return u.Store() }
