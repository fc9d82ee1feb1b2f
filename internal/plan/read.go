package plan

import (
	"context"
	"sort"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/source"
)

// group is one source with the rules that read it, as indexes of Input.Rules in the order of the file.
type group []int

// groupRules gathers the rules by their sources, the planned rule's source last: who is in another source, too, is known
// by then, and the people of the planned rule are decided as they are read.
func groupRules(rules []RulePeople, planned int) []group {
	var groups []group
	byKey := map[string]int{}
	for i, r := range rules {
		g, known := byKey[r.SourceKey]
		if !known {
			g = len(groups)
			byKey[r.SourceKey] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	last := byKey[rules[planned].SourceKey]
	return append(append(groups[:last:last], groups[last+1:]...), groups[last])
}

// read reads each source once, with all its rules inside.
func (b *builder) read(ctx context.Context) error {
	b.groups = groupRules(b.in.Rules, b.rule)
	b.scope = make([]bool, len(b.in.Rules))
	if len(b.in.Rules) > 1 {
		b.claims = map[string]*claim{}
	}
	for g, rules := range b.groups {
		snapshot, err := b.in.Rules[rules[0]].People.List(ctx, func(r source.Record) error {
			b.record(g, r)
			return nil
		})
		if err != nil {
			return err
		}
		// The planned rule's source is the last.
		b.plan.Snapshot = snapshot
	}
	b.sortEntries()
	return nil
}

func (b *builder) sortEntries() {
	sort.Slice(b.plan.Entries, func(i, j int) bool { return b.plan.Entries[i].SourceID < b.plan.Entries[j].SourceID })
}

// record looks at one person of a source through all its rules.
func (b *builder) record(group int, r source.Record) {
	rules := b.groups[group]
	var plannedIn bool
	var plannedErr error
	claimed := false
	scope := b.scope
	clear(scope)
	for _, i := range rules {
		in, err := b.in.Rules[i].Program.InScope(r)
		if i == b.rule {
			plannedIn, plannedErr = in, err
		}
		scope[i] = in && err == nil
		claimed = claimed || in || err != nil
		b.note(group, int16(i), r, in || err != nil)
	}
	if group == len(b.groups)-1 {
		b.person(r, plannedIn, plannedErr)
	}
	if claimed && len(b.in.Rules) > 1 {
		b.noteOtherRule(group, r, scope)
	}
}

// otherName is a name that a person of another source than the planned rule's wants, or may get.
type otherName struct {
	claim   *claim
	upn     string
	linked  []*directory.Account
	perhaps bool
}

// noteOtherRule notes the name that a person of another rule wants; scope says which rules include the person.
func (b *builder) noteOtherRule(group int, r source.Record, scope []bool) {
	owner, ok := b.owner(r.ID)
	if !ok || owner == nobody || owner == b.rule || !scope[owner] {
		return
	}
	program := b.in.Rules[owner].Program
	var linked []*directory.Account
	for _, i := range b.accounts(r.ID) {
		linked = append(linked, &b.in.Accounts[i])
	}
	if group == len(b.groups)-1 {
		b.claimName(program, r, linked)
		return
	}
	if program.ChoosesName() && len(linked) == 0 {
		names, err := program.SignInNames(r)
		if err != nil {
			return
		}
		for _, upn := range names {
			b.otherNames = append(b.otherNames, otherName{claim: b.claims[r.ID], upn: upn, perhaps: true})
		}
		return
	}
	if upn, wants := wantedName(program, r); wants {
		b.otherNames = append(b.otherNames, otherName{claim: b.claims[r.ID], upn: upn, linked: linked})
	}
}

// countOtherNames counts the names of people of the other sources whose ids no second source has.
func (b *builder) countOtherNames() {
	for _, n := range b.otherNames {
		switch {
		case n.claim.twice:
		case n.perhaps:
			b.names.perhaps(n.upn)
		default:
			b.names.want(n.upn, n.linked)
		}
	}
}
