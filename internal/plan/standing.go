package plan

import "github.com/entraflow/entraflow/internal/directory"

// Standing is where a person stands with a rule, for what is kept beside accounts: groups. The zero value is doubt.
type Standing byte

const (
	// InDoubt: a filter or mapping failed, an id is in two sources, a record may be cut off, two accounts carry the link. Nothing follows for anybody in
	// doubt, neither that they belong somewhere nor that they do not.
	InDoubt Standing = iota
	// Provisioned: the rule provisions the person, who need not have an account yet.
	Provisioned
	// Elsewhere: another enabled rule provisions the person.
	Elsewhere
	// Left: no enabled rule claims the person, whose account carries a link of the rule.
	Left
)

// standings says where people stand: everybody in scope of the rule, and everybody whose account carries a link of the connection, as far
// as this plan can tell. A person is named as in the link: by source id, or a directory.HashedID.
func (b *builder) standings() map[string]Standing {
	out := make(map[string]Standing, len(b.plan.Entries)+len(b.plan.Leavers))
	for i := range b.plan.Entries {
		e := &b.plan.Entries[i]
		out[shown(b.in.Connection, e.SourceID)] = Provisioned
		if e.Outcome == Failed {
			out[shown(b.in.Connection, e.SourceID)] = InDoubt
		}
	}
	doubtful := map[string]bool{}
	for i := range b.plan.Leavers {
		doubtful[b.plan.Leavers[i].SourceID] = b.plan.Leavers[i].Outcome == Failed
	}
	for i := range b.in.Accounts {
		l, ok := directory.ParseLink(b.in.Accounts[i].Link)
		if !ok || l.Connection != b.in.Connection {
			continue
		}
		id := l.PersonID()
		if _, inScope := out[id]; inScope {
			continue
		}
		mark, _ := directory.ParseMark(b.in.Accounts[i].Mark)
		c := b.claims[l.SourceID]
		switch {
		case !l.Hashed && c != nil && c.twice, len(b.byKey[l.PersonKey()]) > 1:
			out[id] = InDoubt
		case b.presence[i] == claimed:
			out[id] = Elsewhere
		case l.Rule != b.in.Rule || mark.OtherSource(b.in.SourceTag) || doubtful[l.SourceID] || doubtful[id]:
			out[id] = InDoubt
		default:
			out[id] = Left
		}
	}
	return out
}

// shown is a person's id as it is in a link.
func shown(connection, id string) string {
	l, _ := directory.ParseLink(directory.NewLink(connection, "-", id).String())
	return l.PersonID()
}
