package plan

import (
	"context"
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
	// SourceKey tells which rules read the same people. Their source is read once, through People of the first of them.
	SourceKey string
	// Program is the rule's compiled filter and mappings.
	Program *mapping.Program
	// People reads the rule's source to its end.
	People source.Lister
}

// Input is everything a rule's plan depends on.
type Input struct {
	Policy
	// Rules are all enabled rules of the connection in the order of the file, the one to plan for (Policy.Rule) among
	// them: two rules can claim one person.
	Rules []RulePeople
	// Accounts are all accounts of the tenant, from a complete read.
	Accounts []directory.Account
	// Bin reads the recycle bin; it is called at most once, and only if somebody would otherwise be created. May be nil.
	Bin func(ctx context.Context) ([]directory.Account, error)
	// Recent gives the account that was made for a person of the connection so lately that Accounts may not show it; "" when
	// there is none. May be nil.
	Recent func(sourceID string) string
	// KnownLinks is how many linked accounts the last sync of this connection saw; 0 when that is not known.
	KnownLinks int
	// EndsOpen: the source has been read whole before although nothing shows its end, so that this says nothing.
	EndsOpen bool
	// FirstSync: nothing may be taken away yet.
	FirstSync bool
	// SKUsErr is why the tenant's subscriptions are not known; nil where they are. Of people who are to have licenses nothing is decided then
	// but that they are disabled.
	SKUsErr error
	// Removed is how many people the running sync has taken something from already, under an earlier plan.
	Removed int
	// Resumed: the plan takes the place of one that a sync has carried out in part. Nobody is put off to a later stage then, as who was
	// and who is would not be told apart.
	Resumed bool
	// Permit says which removals passed the guard before, or were approved.
	Permit Permit
	// Standings: the plan says where people stand, for groups.
	Standings bool
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
	// Withheld is what the rule's policy keeps from being done; nil where nothing is.
	Withheld *Change
	// name is a hash of the desired user principal name, to find two people who want the same; 0 when it does not matter.
	name uint64
	// stage is where a person is served who waits for others, "" for StagePeople, and rank how many of them in a row.
	stage Stage
	rank  int
	// managerLater: only another plan, made once this one has been carried out, finds the person's manager.
	managerLater bool
}

// entry keeps of a decision what a plan needs; 100,000 unchanged people should cost little.
func entry(c Change) Entry {
	e := Entry{SourceID: c.SourceID, Outcome: c.Outcome, Reason: c.Reason, Subject: c.Subject, Withheld: c.Withheld}
	if c.Writes() {
		kept := c // Taking the parameter's address would put every decision on the heap, those of unchanged people too.
		e.Change = &kept
	}
	return e
}

// Plan is what a sync of one rule would do.
type Plan struct {
	// Rule is the rule planned for.
	Rule string
	// Entries are all people in scope of the rule, sorted by source id.
	Entries []Entry
	// Leavers are linked accounts of the rule whose people no enabled rule claims any more, sorted by source id. One
	// without a Change is in doubt (two accounts with the link, the id in two sources) or not ours to change: reported only.
	Leavers []Entry
	// Linked is how many accounts carry a link of this rule, those of people deprovisioned long ago among them.
	Linked int
	// Active is how many of them have not been deprovisioned.
	Active int
	// ConnectionLinked is how many accounts carry a link of this connection.
	ConnectionLinked int
	// ManagersPending is how many people's managers have no account yet and get one by this plan; once it has been carried
	// out, another plan finds them.
	ManagersPending int
	// Snapshot is the state of the rule's source that was planned from.
	Snapshot source.Snapshot
	// Guard says whether removals may be carried out.
	Guard Guard
	// Standings say where people stand, by the source id or directory.HashedID that is in their links; nil unless asked for. Whoever is
	// missing is in doubt.
	Standings map[string]Standing
	// removals are the changes that take something away, sorted by source id.
	removals []*Change
	// later are the people of the stages for those who wait for others.
	later map[Stage][]later
}

// Build plans one rule. It reads each source once, to its end; any error of a read is returned, and there is no plan then.
//
// Errors: those of the sources; fault.RuleUnknown; fault.TenantReadSuspicious when accounts were known and none carries a
// link.
func Build(ctx context.Context, in Input) (*Plan, error) {
	b, err := newBuilder(in)
	if err != nil {
		return nil, err
	}
	b.bin.read = func() ([]directory.Account, error) {
		if in.Bin == nil {
			return nil, nil
		}
		return in.Bin(ctx)
	}
	if err := b.read(ctx); err != nil {
		return nil, err
	}
	b.countOtherNames()
	b.chooseNames()
	if b.bin.err != nil {
		return nil, b.bin.err
	}
	b.leavers()
	b.conflictingNames()
	if !in.Resumed {
		b.orderNames()
	}
	b.plan.sortRemovals()
	b.plan.Guard = b.guard(b.plan.losses())
	if !b.plan.Guard.Held && !in.Resumed {
		b.orderFreed()
	}
	if len(b.waiting) > 0 {
		// It makes new changes of some, which take away what the old ones did.
		b.managersPending()
	}
	b.plan.sortRemovals()
	b.plan.sortLater()
	if in.Standings {
		b.plan.Standings = b.standings()
	}
	return b.plan, nil
}

// builder holds the indexes while one plan is made. People are streamed and never held.
type builder struct {
	in       Input
	plan     *Plan
	rule     int                // index of the planned rule in in.Rules
	byKey    map[string][]int32 // :: person key -> accounts with that link
	byName   map[string]int32   // :: lower-case user principal name -> account
	groups   []group            // the sources with their rules, in the order of reading
	scope    []bool             // which rules include the person who is being read
	claims   map[string]*claim  // :: source id -> who claims the person; nil with a single rule
	names    Names
	presence []presence     // :: account -> whether its person is still there
	left     map[string]int // :: SKU -> units left to hand out
	// waiting are people whose managers are not among the accounts.
	waiting []waiting
	// choosing are people without an account to whom the mapping gives several names.
	choosing []Person
	// blocked are people whose name a colleague has, and short those for whom there is no license.
	blocked, short []deferred
	// otherNames are names that people of other sources want, as long as another source may turn out to have their ids, too.
	otherNames []otherName
	bin        recycleBin
	// staying counts the rule's linked accounts whose people are still claimed.
	staying int
}

// nobody is the index of no rule.
const nobody = -1

func newBuilder(in Input) (*builder, error) {
	b := &builder{in: in, rule: nobody, plan: &Plan{Rule: in.Rule}, names: NewNames()}
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
	if b.rule == nobody {
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
	b.presence = make([]presence, len(b.in.Accounts))
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
		if l.Rule != b.in.Rule {
			continue
		}
		b.plan.Linked++
		if mark, _ := directory.ParseMark(a.Mark); !mark.Disabled.Deprovisioned() {
			b.plan.Active++
		}
	}
}

// person decides about one record of the planned rule, whose filter gave in and err.
func (b *builder) person(r source.Record, in bool, err error) {
	program := b.in.Rules[b.rule].Program
	accounts := b.accounts(r.ID)
	var linked []*directory.Account
	for _, i := range accounts {
		if err == nil && !in {
			b.notePresence(i, outOfScope)
		} else {
			b.notePresence(i, claimed)
		}
		linked = append(linked, &b.in.Accounts[i])
	}
	if err == nil && !in {
		return
	}
	owner, ok := b.owner(r.ID)
	if !ok {
		b.add(entry(failed(r.ID, b.in.Rule, fault.New("claim", fault.Refused, fault.SourceIDConflict, ""))))
		return
	}
	if owner != b.rule {
		return
	}
	if err != nil {
		b.add(entry(failed(r.ID, b.in.Rule, err)))
		return
	}
	p := Judge(program, r, b.in.EndsOpen)
	if p.Err == nil && len(p.Desired.SKUs) > 0 {
		p.Err = b.in.SKUsErr
	}
	if p.Err != nil {
		b.add(b.decide(p, Match{Linked: linked}))
		b.claimName(program, r, linked)
		return
	}
	if len(p.Desired.Candidates) > 0 && len(linked) == 0 {
		b.choosing = append(b.choosing, p)
		return
	}
	b.compare(p.Keeping(linked), linked)
}

// compare decides about a person whose mappings all worked, with and without removals.
func (b *builder) compare(p Person, linked []*directory.Account) {
	m := Match{Linked: linked, SameName: b.named(p.Desired.UserPrincipalName), Manager: b.manager(p)}
	if len(linked) == 0 && m.SameName == nil {
		m.Deleted = b.deletedAccount(p.ID)
	}
	e := b.decide(p, m)
	e.name = b.names.want(p.Desired.UserPrincipalName, linked)
	if len(linked) == 0 && m.SameName != nil && b.in.anotherName(p, m.SameName) {
		b.names.noteOther(e.name)
	}
	b.deferPerson(p, m, e)
	b.add(e)
}

// decide decides with and without removals, and hands out what the decision needs of licenses.
func (b *builder) decide(p Person, m Match) Entry {
	c := Decide(b.in.Policy, p, m)
	e := entry(c)
	if c.Removes() {
		held := b.in.Policy
		held.Hold = b.holdReason()
		without := Decide(held, p, m)
		e.Held = &without
	}
	for _, sku := range c.units {
		b.left[sku]--
	}
	return e
}

// holdReason is why removals are held, if they are.
func (b *builder) holdReason() fault.Reason {
	if b.in.FirstSync {
		return fault.FirstSyncHeld
	}
	return fault.RemovalsHeld
}

func (b *builder) add(e Entry) { b.plan.Entries = append(b.plan.Entries, e) }

// accounts are the indexes of those that carry a person's link.
func (b *builder) accounts(id string) []int32 {
	return b.byKey[directory.NewLink(b.in.Connection, "", id).PersonKey()]
}

func (b *builder) named(upn string) *directory.Account {
	if i, ok := b.byName[strings.ToLower(upn)]; ok {
		return &b.in.Accounts[i]
	}
	return nil
}
