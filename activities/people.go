package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
)

// claim is one enabled rule that wants a person, with the person's record and the rule's compiled mappings.
type claim struct {
	rule    config.Rule
	program *mapping.Program
	record  source.Record
	// snapshot is the state of the source that the record was read from.
	snapshot source.Snapshot
	// filterErr: the rule's filter failed for the person, who is therefore neither in nor out.
	filterErr error
}

// claims reads a person from the sources of all enabled rules. With no claim, why is fault.PersonNotFound or
// PersonOutOfScope; both come from complete snapshots only. Any read that fails is an error, and so is an id that two
// sources have, be the person in scope or not: nobody can tell whose account it is.
func (a *Activities) claims(ctx context.Context, s api.Settings, id string) (claims []claim, why fault.Reason, err error) {
	why = fault.PersonNotFound
	records := map[string]*source.Record{} // :: source key -> record, nil when the source has no such person
	snapshots := map[string]source.Snapshot{}
	known := 0
	for _, rule := range s.EnabledRules() {
		src, err := a.options.Sources(rule.Source)
		if err != nil {
			return nil, "", err
		}
		key := rule.Source.Key()
		record, read := records[key]
		if !read {
			r, snapshot, err := src.Get(ctx, id)
			switch {
			case err == nil:
				record = &r
				known++
			case fault.Is(err, fault.PersonNotFound):
			default:
				return nil, "", err
			}
			records[key], snapshots[key] = record, snapshot
		}
		// Also for somebody who is not there: a source that lacks a column which the rule names shows nothing.
		program, err := a.program(ctx, s, rule, src)
		if err != nil {
			return nil, "", err
		}
		if record == nil {
			continue
		}
		in, err := program.InScope(*record)
		if err == nil && !in {
			why = fault.PersonOutOfScope
			continue
		}
		claims = append(claims, claim{rule: rule, program: program, record: *record, snapshot: snapshots[key], filterErr: err})
	}
	if known > 1 {
		return nil, "", fault.New("claim", fault.Refused, fault.SourceIDConflict, "")
	}
	return claims, why, nil
}

// owner picks the rule that provisions: the one in the link while it claims the person, else the first in the file.
func owner(claims []claim, linked []*directory.Account) claim {
	for _, account := range linked {
		l, _ := directory.ParseLink(account.Link)
		for _, c := range claims {
			if c.rule.Name == l.Rule {
				return c
			}
		}
	}
	return claims[0]
}

// noEnabled reports that neither a column of the source nor a mapping says who is enabled.
func noEnabled(ctx context.Context, rule config.Rule, src source.Source) (bool, error) {
	if _, mapped := rule.Mappings[directory.AccountEnabled]; mapped {
		return false, nil
	}
	columns, err := src.Columns(ctx)
	return !columns.HasEnabled, err
}

// program compiles a rule's filter and mappings against its source's columns, once for each wording of them. The revision
// would not tell them apart: a connection that is made anew under its name counts from the beginning.
//
// Errors: fault.SettingsInvalid (Invalid) with the first problem's key as the subject; fault.SourceColumnMissing;
// fault.SourceEmpty where the source has not even columns.
func (a *Activities) program(ctx context.Context, s api.Settings, rule config.Rule, src source.Source) (*mapping.Program, error) {
	columns, err := src.Columns(ctx)
	if err != nil {
		return nil, err
	}
	wording, err := json.Marshal(rule)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s/%s/%t/%s", s.Config.Name, wording, columns.Typed, strings.Join(columns.Names, "\x00"))
	if p, ok := a.programs.get(key); ok {
		return p, nil
	}
	p, problems := mapping.Compile(rule, columns)
	if len(problems) > 0 && len(columns.Names) == 0 {
		// An array of nobody has no columns, either.
		return nil, fault.New("compile mappings", fault.Invalid, fault.SourceEmpty, "rule "+rule.Name)
	}
	if len(problems) > 0 {
		subject := fmt.Sprintf("rule %s, %s", rule.Name, problems[0].Key)
		return nil, fault.Wrap("compile mappings", fault.Invalid, reasonOf(rule), subject, fmt.Errorf("%s", problems[0].Message))
	}
	a.programs.put(key, p)
	return p, nil
}

// reasonOf tells a missing column from other problems; the rule compiled when it was applied, so a column that went
// away is what usually happened.
func reasonOf(rule config.Rule) fault.Reason {
	if len(mapping.Check(rule)) == 0 {
		return fault.SourceColumnMissing
	}
	return fault.SettingsInvalid
}

// programs caches compiled rules.
type programs struct {
	mu      sync.Mutex
	entries map[string]*mapping.Program
}

// maxPrograms bounds the cache; beyond it, it begins anew.
const maxPrograms = 256

func (p *programs) get(key string) (*mapping.Program, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	program, ok := p.entries[key]
	return program, ok
}

func (p *programs) put(key string, program *mapping.Program) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil || len(p.entries) >= maxPrograms {
		p.entries = map[string]*mapping.Program{}
	}
	p.entries[key] = program
}
