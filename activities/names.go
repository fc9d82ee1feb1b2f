package activities

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// nameIndex says how many people of a connection want each user principal name. A plan knows that of everybody; a run on
// demand sees one person only, and would give a name to whoever asks first.
//
// It is made by reading every source once, and kept until settings or a source change.
type nameIndex struct {
	seed maphash.Seed

	mu     sync.Mutex
	key    string         // settings and states of the sources that wanted was made from
	wanted map[uint64]int // :: hash of a name -> people who want it
}

func newNameIndex() *nameIndex { return &nameIndex{seed: maphash.MakeSeed()} }

func (n *nameIndex) hash(upn string) uint64 { return maphash.String(n.seed, strings.ToLower(upn)) }

// checkName refuses, in a run on demand, to give a person a user principal name that somebody else of the connection's
// people wants, too: the plan of a sync gives it to neither.
//
// Errors: fault.UPNConflict (Refused); those of sources.
func (p *provisioning) checkName(ctx context.Context, c plan.Change) error {
	takesName := c.Action == plan.Create || c.Action == plan.Adopt || slices.Contains(c.Attributes, directory.UserPrincipalName)
	if p.in.Planned != nil || !takesName {
		return nil
	}
	wanted, err := p.a.names.count(ctx, p.a, p.settings, p.person.Desired.UserPrincipalName)
	if err != nil {
		return err
	}
	if wanted > 1 {
		return refuse("match", fault.UPNConflict, directory.UserPrincipalName)
	}
	return nil
}

// count is how many people want a name.
func (n *nameIndex) count(ctx context.Context, a *Activities, s api.Settings, upn string) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key, err := n.state(ctx, a, s)
	if err != nil {
		return 0, err
	}
	if key != n.key {
		wanted, err := n.read(ctx, a, s)
		if err != nil {
			return 0, err
		}
		n.key, n.wanted = key, wanted
	}
	return n.wanted[n.hash(upn)], nil
}

// livePatience is for how long the names of a live directory are taken for the present ones.
const livePatience = 5 * time.Minute

// state identifies settings and sources.
func (n *nameIndex) state(ctx context.Context, a *Activities, s api.Settings) (string, error) {
	key := fmt.Sprintf("%s/%d", s.Config.Name, s.Revision)
	for _, rule := range s.EnabledRules() {
		src, err := a.options.Sources(rule.Source)
		if err != nil {
			return "", err
		}
		snapshot, err := src.Snapshot(ctx)
		if err != nil {
			return "", err
		}
		if snapshot.ID == "" {
			// A live directory does not say whether it has changed.
			snapshot.ID = a.options.Now().Truncate(livePatience).Format(time.RFC3339)
		}
		key += "/" + snapshot.ID
	}
	return key, nil
}

// read counts the names of everybody in scope. One person counts once, whatever rules claim them, as only one of them
// provisions; whose mapping fails wants no name.
func (n *nameIndex) read(ctx context.Context, a *Activities, s api.Settings) (map[uint64]int, error) {
	wanted := map[uint64]int{}
	claimed := map[string]bool{}
	rules := s.EnabledRules()
	for _, rule := range rules {
		src, err := a.options.Sources(rule.Source)
		if err != nil {
			return nil, err
		}
		program, err := a.program(ctx, s, rule, src)
		if err != nil {
			return nil, err
		}
		_, err = src.List(ctx, func(r source.Record) error {
			// For whom the filter fails is reported by the rule's own sync, and gets no account there.
			if in, err := program.InScope(r); err != nil || !in || claimed[r.ID] {
				return nil
			}
			if len(rules) > 1 {
				claimed[r.ID] = true
			}
			if upn, err := program.UserPrincipalName(r); err == nil {
				wanted[n.hash(upn)]++
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return wanted, nil
}
