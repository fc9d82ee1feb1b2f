package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// Rule is an enabled rule that is ready to be asked about people.
type Rule struct {
	config.Rule
	// People is the rule's source.
	People source.Source
	// Columns are those of the source.
	Columns source.Columns
	// Program is the compiled filter and mappings.
	Program *mapping.Program
	// EndsOpen: the source is known to be written without an end (api.RuleSettings).
	EndsOpen bool
}

// NoEnabled reports that neither a column of the source nor a mapping says who is enabled.
func (r Rule) NoEnabled() bool {
	_, mapped := r.Mappings[directory.AccountEnabled]
	return !mapped && !r.Columns.HasEnabled
}

// Rules opens the sources of all enabled rules and compiles their filters and mappings. A source that lacks a column which
// its rule names shows nothing of anybody, so that one such rule is an error for all. open opens a source; nil opens the
// store itself.
//
// Errors: fault.SettingsInvalid (Invalid) with the first problem's key as the subject; fault.SourceColumnMissing;
// fault.SourceEmpty where the source has not even columns; those of the source.
func (p *Provisioner) Rules(ctx context.Context, s api.Settings, open func(config.Source) (source.Source, error)) ([]Rule, error) {
	if open == nil {
		open = p.options.Sources
	}
	var rules []Rule
	for _, rule := range s.EnabledRules() {
		people, err := open(p.SourceOf(s, rule))
		if err != nil {
			return nil, err
		}
		columns, err := people.Columns(ctx)
		if err != nil {
			return nil, err
		}
		program, err := p.program(s.Config.Name, rule, columns)
		if err != nil {
			return nil, err
		}
		state, _ := s.Rule(rule.Name)
		rules = append(rules, Rule{Rule: rule, People: people, Columns: columns, Program: program, EndsOpen: state.EndsOpen})
	}
	return rules, nil
}

// SourceOf is the source of a rule, with what all enabled rules that read it use of it.
func (p *Provisioner) SourceOf(s api.Settings, rule config.Rule) config.Source {
	reading := []mapping.Rule{rule.Expressions()}
	for _, other := range s.EnabledRules() {
		if other.Name != rule.Name && other.Source.Key() == rule.Source.Key() {
			reading = append(reading, other.Expressions())
		}
	}
	from := rule.Source
	wording, err := json.Marshal(reading)
	if err != nil {
		// Expressions come from JSON.
		panic(err)
	}
	use, ok := p.uses.Get(string(wording))
	if !ok {
		use = mapping.Uses(reading...)
		p.uses.Put(string(wording), use)
	}
	from.Use = use
	return from
}

// program compiles a rule against its source's columns, once for each wording of it. The revision would not tell them
// apart: a connection that is made anew under its name counts from the beginning.
func (p *Provisioner) program(connection string, rule config.Rule, columns source.Columns) (*mapping.Program, error) {
	wording, err := json.Marshal(rule.Expressions())
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s/%s/%t/%s", connection, wording, columns.Typed, strings.Join(columns.Names, "\x00"))
	if program, ok := p.programs.Get(key); ok {
		return program, nil
	}
	program, problems := mapping.Compile(rule.Expressions(), columns)
	switch {
	case len(problems) > 0 && len(columns.Names) == 0:
		// An array of nobody has no columns, either.
		return nil, fault.New("compile mappings", fault.Invalid, fault.SourceEmpty, "rule "+rule.Name)
	case len(problems) > 0:
		subject := fmt.Sprintf("rule %s, %s", rule.Name, problems[0].Key)
		return nil, fault.Wrap("compile mappings", fault.Invalid, reasonOf(rule, columns), subject, fmt.Errorf("%s", problems[0].Message))
	}
	p.programs.Put(key, program)
	return program, nil
}

// reasonOf tells a missing column from other problems. The rule compiled when it was applied, so that a column that went away is what usually
// happened; but a file with types may also have become one without.
func reasonOf(rule config.Rule, columns source.Columns) fault.Reason {
	there := func(name string) bool {
		return columns.Has(name) || name == "id" || name == "enabled" && columns.HasEnabled
	}
	if slices.ContainsFunc(mapping.Uses(rule.Expressions()).Attributes, func(name string) bool { return !there(name) }) {
		return fault.SourceColumnMissing
	}
	return fault.SettingsInvalid
}

// claim is one enabled rule that wants a person, with the person's record.
type claim struct {
	Rule
	record source.Record
	// snapshot is the state of the source that the record was read from.
	snapshot source.Snapshot
	// filterErr: the rule's filter failed for the person, who is therefore neither in nor out.
	filterErr error
}

// claims reads a person from the sources of all enabled rules. With no claim, why is fault.PersonNotFound or
// PersonOutOfScope; both come from complete snapshots only. Any read that fails is an error, and so is an id that two
// sources have, be the person in scope or not: nobody can tell whose account it is.
func (p *Provisioner) claims(ctx context.Context, s api.Settings, id string) (claims []claim, why fault.Reason, err error) {
	rules, err := p.Rules(ctx, s, nil)
	if err != nil {
		return nil, "", err
	}
	why = fault.PersonNotFound
	records := map[string]*source.Record{} // :: source key -> record, nil when the source has no such person
	snapshots := map[string]source.Snapshot{}
	known := 0
	for _, rule := range rules {
		key := rule.Source.Key()
		record, read := records[key]
		if !read {
			r, snapshot, err := rule.People.Get(ctx, id)
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
		if record == nil {
			continue
		}
		in, err := rule.Program.InScope(*record)
		if err == nil && !in {
			why = fault.PersonOutOfScope
			continue
		}
		claims = append(claims, claim{Rule: rule, record: *record, snapshot: snapshots[key], filterErr: err})
	}
	if known > 1 {
		return nil, "", fault.New("claim", fault.Refused, fault.SourceIDConflict, "")
	}
	return claims, why, nil
}

// owner picks the claim of the rule that provisions.
func owner(claims []claim, linked []*directory.Account) claim {
	var claimed plan.Claim
	for i, c := range claims {
		claimed.Note(i, slices.ContainsFunc(linked, func(a *directory.Account) bool {
			l, _ := directory.ParseLink(a.Link)
			return l.Rule == c.Name
		}))
	}
	return claims[claimed.Owner()]
}

// judge says who the person is now.
//
// Errors: fault.FilterFailed. What else is wrong with the person is in Person.Err.
func (c claim) judge() (plan.Person, error) {
	if c.filterErr != nil {
		return plan.Person{}, c.filterErr
	}
	return plan.Judge(c.Program, c.record, c.EndsOpen), nil
}
