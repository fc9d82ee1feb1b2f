package plan

import (
	"context"
	"hash/maphash"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
)

// RulePeople is one enabled rule with the people it may claim.
type RulePeople struct {
	// Name is the rule's name.
	Name string
	// SourceKey tells which rules read the same store.
	SourceKey string
	// Program is the rule's compiled filter and mappings.
	Program *mapping.Program
	// People reads the rule's source to its end.
	People source.Lister
}

// Input is everything a rule's plan depends on.
type Input struct {
	Settings
	// Rules are all enabled rules of the connection in the order of the file, the one to plan for (Settings.Rule) among
	// them: two rules can claim one person.
	Rules []RulePeople
	// Accounts are all accounts of the tenant, from a complete read.
	Accounts []directory.Account
	// KnownLinks is how many linked accounts the last sync of this connection saw; 0 when that is not known.
	KnownLinks int
	// FirstSync: nothing may be taken away yet.
	FirstSync bool
	// Removed is how many people the running sync has taken something from already, under an earlier plan.
	Removed int
}

// Entry is the decision about one person of a plan.
type Entry struct {
	// SourceID is the person.
	SourceID string
	// Outcome, Reason and Subject are as in Change; for a person without a Change they are all there is to say.
	Outcome Outcome
	Reason  fault.Reason
	Subject string
	// Change is what to do; nil where there is nothing to do.
	Change *Change
	// Held is what to do instead when removals are held; nil where the change removes nothing. It may be an Action None.
	Held *Change
	// name is a hash of the desired user principal name, to find two people who want the same.
	name uint64
	// holdsName: the person's own account has that name already.
	holdsName bool
}

// entry keeps of a decision what a plan needs; 100,000 unchanged people should cost little.
func entry(c Change) Entry {
	e := Entry{SourceID: c.SourceID, Outcome: c.Outcome, Reason: c.Reason, Subject: c.Subject}
	if c.Writes() {
		e.Change = &c
	}
	return e
}

// Plan is what a sync of one rule would do.
type Plan struct {
	// Rule is the rule planned for.
	Rule string
	// Entries are all people in scope of the rule, sorted by source id.
	Entries []Entry
	// Leavers are linked accounts of the rule whose people no enabled rule claims any more, sorted by source id.
	Leavers []Entry
	// Linked is how many accounts carry a link of this rule.
	Linked int
	// ConnectionLinked is how many accounts carry a link of this connection.
	ConnectionLinked int
	// Snapshot is the state of the rule's source that was planned from.
	Snapshot source.Snapshot
	// Guard says whether removals may be carried out.
	Guard Guard
}

// Build plans one rule. It reads each source to its end; any error of a read is returned, and there is no plan then.
//
// Errors: those of the sources; fault.RuleUnknown; fault.TenantReadSuspicious when accounts were known and none carries a
// link.
func Build(ctx context.Context, in Input) (*Plan, error) {
	b, err := newBuilder(in)
	if err != nil {
		return nil, err
	}
	if err := b.claim(ctx); err != nil {
		return nil, err
	}
	if err := b.decide(ctx); err != nil {
		return nil, err
	}
	b.leavers()
	b.conflictingNames()
	b.plan.Guard = b.guard()
	return b.plan, nil
}

// builder holds the indexes while one plan is made. People are streamed and never held.
type builder struct {
	in     Input
	plan   *Plan
	rule   int                // index of the planned rule in in.Rules
	byKey  map[string][]int32 // :: person key -> accounts with that link
	byName map[string]int32   // :: lower-case user principal name -> account
	claims map[string]*claim  // :: source id -> rules that claim the person; nil with a single rule
	names  map[uint64]nameUse // :: hash of a desired name -> who wants it
	fates  []fate             // :: account -> whether its person is still there
	left   map[string]int     // :: SKU -> units left to hand out
	seed   maphash.Seed
}

// fate is what became of the person of a linked account.
type fate byte

const (
	notSeen fate = iota
	claimed
	outOfScope
)

// claim says which rules want a person.
type claim struct {
	rules   [2]uint64 // bit set over in.Rules, at most 128
	sources int32     // index of the first rule's source; -1 once a second source has the id, too
	first   int32
}

// nameUse counts the people who want one user principal name.
type nameUse struct {
	wanted int32
	held   bool
}

func newBuilder(in Input) (*builder, error) {
	b := &builder{in: in, rule: -1, plan: &Plan{Rule: in.Rule}, names: map[uint64]nameUse{}, seed: maphash.MakeSeed()}
	b.left = map[string]int{}
	for _, s := range in.SKUs {
		b.left[strings.ToLower(s.ID)] = s.Available()
	}
	b.in.Left = b.left
	for i, r := range in.Rules {
		if r.Name == in.Rule {
			b.rule = i
		}
	}
	if b.rule < 0 {
		return nil, fault.New("plan", fault.Refused, fault.RuleUnknown, in.Rule)
	}
	b.indexAccounts()
	if in.KnownLinks > 0 && b.plan.ConnectionLinked == 0 {
		return nil, fault.New("plan", fault.Refused, fault.TenantReadSuspicious, in.Connection)
	}
	return b, nil
}

// indexAccounts finds accounts by person and by name, and counts the links.
func (b *builder) indexAccounts() {
	b.byKey = make(map[string][]int32, len(b.in.Accounts))
	b.byName = make(map[string]int32, len(b.in.Accounts))
	b.fates = make([]fate, len(b.in.Accounts))
	for i := range b.in.Accounts {
		a := &b.in.Accounts[i]
		b.byName[strings.ToLower(a.UserPrincipalName)] = int32(i)
		l, ok := directory.ParseLink(a.Link)
		if !ok || l.Connection != b.in.Connection {
			continue
		}
		key := l.PersonKey()
		b.byKey[key] = append(b.byKey[key], int32(i))
		b.plan.ConnectionLinked++
		if l.Rule == b.in.Rule {
			b.plan.Linked++
		}
	}
}

// claim reads the sources of all rules where more than one could claim a person.
func (b *builder) claim(ctx context.Context) error {
	if len(b.in.Rules) == 1 {
		return nil
	}
	b.claims = map[string]*claim{}
	for i := range b.in.Rules {
		rule := b.in.Rules[i]
		_, err := rule.People.List(ctx, func(r source.Record) error {
			in, err := rule.Program.InScope(r)
			if !in && err == nil {
				return nil
			}
			// A filter that fails leaves open whether the person is in; nobody else may act as if the rule had let go.
			c := b.claims[r.ID]
			if c == nil {
				c = &claim{first: int32(i), sources: int32(i)}
				b.claims[r.ID] = c
			}
			c.rules[i/64] |= 1 << (i % 64)
			if c.sources >= 0 && b.in.Rules[c.sources].SourceKey != rule.SourceKey {
				c.sources = -1
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// owner is the rule that provisions a person: the one in the link while it claims the person, else the first in the
// file. ok is false when two sources have the id.
func (b *builder) owner(id string, linked []*directory.Account) (rule int, ok bool) {
	if b.claims == nil {
		return b.rule, true
	}
	c := b.claims[id]
	if c == nil {
		return -1, true
	}
	if c.sources < 0 {
		return b.rule, false
	}
	for _, a := range linked {
		l, _ := directory.ParseLink(a.Link)
		for i, r := range b.in.Rules {
			if r.Name == l.Rule && c.rules[i/64]&(1<<(i%64)) != 0 {
				return i, true
			}
		}
	}
	return int(c.first), true
}

// decide streams the people of the planned rule, and of the others as far as names are concerned.
func (b *builder) decide(ctx context.Context) error {
	for i := range b.in.Rules {
		rule := b.in.Rules[i]
		snapshot, err := rule.People.List(ctx, func(r source.Record) error {
			if i == b.rule {
				b.person(r)
			} else {
				b.rival(i, r)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if i == b.rule {
			b.plan.Snapshot = snapshot
		}
	}
	sort.Slice(b.plan.Entries, func(i, j int) bool { return b.plan.Entries[i].SourceID < b.plan.Entries[j].SourceID })
	return nil
}

// person decides about one record of the planned rule.
func (b *builder) person(r source.Record) {
	program := b.in.Rules[b.rule].Program
	in, err := program.InScope(r)
	if err == nil && !in {
		b.settleFate(r.ID, outOfScope)
		return
	}
	b.settleFate(r.ID, claimed)
	linked := b.linked(r.ID)
	owner, ok := b.owner(r.ID, linked)
	if !ok {
		b.add(entry(failed(r.ID, b.in.Rule, fault.New("claim", fault.Refused, fault.SourceIDConflict, ""))))
		return
	}
	if owner != b.rule {
		return
	}
	if err == nil {
		err = r.EnabledErr
	}
	var desired mapping.Desired
	if err == nil {
		desired, err = program.Evaluate(r)
	}
	if err != nil {
		b.add(entry(failed(r.ID, b.in.Rule, err)))
		return
	}
	b.compare(Person{ID: r.ID, Enabled: r.Enabled, Desired: desired}, linked)
}

// compare decides about a person whose mappings all worked, with and without removals.
func (b *builder) compare(p Person, linked []*directory.Account) {
	m := Match{Linked: linked, SameName: b.named(p.Desired.UserPrincipalName)}
	c := Decide(b.in.Settings, p, m)
	e := entry(c)
	if c.Removes() {
		held := b.in.Settings
		held.Hold = b.holdReason()
		without := Decide(held, p, m)
		e.Held = &without
	}
	for _, sku := range c.units {
		b.left[sku]--
	}
	e.name = b.hash(p.Desired.UserPrincipalName)
	e.holdsName = len(linked) == 1 && m.SameName != nil && m.SameName.ID == linked[0].ID
	b.want(e.name, e.holdsName)
	b.add(e)
}

// holdReason is why removals are held, if they are.
func (b *builder) holdReason() fault.Reason {
	if b.in.FirstSync {
		return fault.FirstSyncHeld
	}
	return fault.RemovalsHeld
}

// settleFate notes for a person's linked accounts whether the person is still there.
func (b *builder) settleFate(id string, f fate) {
	for _, i := range b.byKey[directory.NewLink(b.in.Connection, "", id).PersonKey()] {
		b.fates[i] = f
	}
}

// rival notes the name that a person of another rule wants.
func (b *builder) rival(rule int, r source.Record) {
	program := b.in.Rules[rule].Program
	if in, err := program.InScope(r); err != nil || !in {
		return
	}
	linked := b.linked(r.ID)
	if owner, ok := b.owner(r.ID, linked); !ok || owner != rule {
		return
	}
	upn, err := program.UserPrincipalName(r)
	if err != nil {
		return // The rule's own plan reports it.
	}
	a := b.named(upn)
	b.want(b.hash(upn), len(linked) == 1 && a != nil && a.ID == linked[0].ID)
}

func (b *builder) add(e Entry) { b.plan.Entries = append(b.plan.Entries, e) }

func (b *builder) want(name uint64, holds bool) {
	use := b.names[name]
	use.wanted++
	use.held = use.held || holds
	b.names[name] = use
}

func (b *builder) hash(upn string) uint64 { return maphash.String(b.seed, strings.ToLower(upn)) }

func (b *builder) linked(id string) []*directory.Account {
	var out []*directory.Account
	for _, i := range b.byKey[directory.NewLink(b.in.Connection, "", id).PersonKey()] {
		out = append(out, &b.in.Accounts[i])
	}
	return out
}

func (b *builder) named(upn string) *directory.Account {
	if i, ok := b.byName[strings.ToLower(upn)]; ok {
		return &b.in.Accounts[i]
	}
	return nil
}

// leavers are the rule's linked accounts whose people no enabled rule claims. Deprovisioned ones are done with: the remove
// action is taken at the transition only.
func (b *builder) leavers() {
	for i := range b.in.Accounts {
		a := &b.in.Accounts[i]
		l, ok := directory.ParseLink(a.Link)
		if !ok || l.Connection != b.in.Connection || l.Rule != b.in.Rule || b.fates[i] == claimed || b.claimedElsewhere(l) {
			continue
		}
		if mark, _ := directory.ParseMark(a.Mark); mark.Disabled == directory.DisabledDeprovisioned {
			continue
		}
		reason := fault.PersonNotFound
		if b.fates[i] == outOfScope {
			reason = fault.PersonOutOfScope
		}
		b.plan.Leavers = append(b.plan.Leavers, entry(Change{
			SourceID: l.SourceID, Rule: b.in.Rule, AccountID: a.ID, Action: Remove, Outcome: Success, Reason: reason,
		}))
	}
	sort.Slice(b.plan.Leavers, func(i, j int) bool { return b.plan.Leavers[i].SourceID < b.plan.Leavers[j].SourceID })
}

// claimedElsewhere reports whether any rule claims the person of a link.
func (b *builder) claimedElsewhere(l directory.Link) bool {
	if !l.Hashed {
		return b.claims[l.SourceID] != nil
	}
	for id := range b.claims {
		if directory.NewLink(l.Connection, "", id).PersonKey() == l.PersonKey() {
			return true
		}
	}
	return false
}

// conflictingNames fails the people who want one name together: the linked holder keeps it, else nobody gets it.
func (b *builder) conflictingNames() {
	for i := range b.plan.Entries {
		e := &b.plan.Entries[i]
		use := b.names[e.name]
		if e.name == 0 || use.wanted < 2 || e.holdsName {
			continue
		}
		reason := fault.UPNConflict
		if use.held {
			reason = fault.UPNTaken
		}
		*e = entry(failed(e.SourceID, b.in.Rule, fault.New("match", fault.Refused, reason, directory.UserPrincipalName)))
	}
}
