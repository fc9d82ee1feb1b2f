//go:build linux

package topology_test

import (
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// The model: what must become of a person's account, from the lines of the file alone. It uses none of the code that
// decides.

var (
	linkProperty = graph.ExtensionName(simulator.DefaultClientID, graph.LinkProperty)
	markProperty = graph.ExtensionName(simulator.DefaultClientID, graph.MarkProperty)
)

// place is where an account is.
type place string

const (
	nowhere  place = "nowhere"
	inTenant place = "in the tenant"
	inBin    place = "in the bin"
)

// account is a person's account as far as the model knows it.
type account struct {
	place                                            place
	id                                               string
	upn, display, given, family, nick, dept, license string
	enabled                                          bool
	// deprovisioned: the person's leaving has been acted on.
	deprovisioned bool
}

// circumstances are those of a round.
type circumstances struct {
	// held: nobody may lose anything.
	held bool
	// deletes: the remove action is delete.
	deletes bool
}

// fate is what becomes of an account in a round in which the file has this line for the person, or none.
func fate(a account, e *employee, r *row, c circumstances) account {
	switch {
	case e.refused:
		return a
	case r == nil && (a.place != inTenant || a.deprovisioned || c.held):
		return a
	case r == nil && c.deletes && !e.adopted:
		a.place = inBin
		return a
	case r == nil:
		a.enabled, a.deprovisioned = false, true
		return a
	}
	before := a
	a.upn, a.nick, a.display = r.upn(), r.username, r.given+" "+r.family
	a.given, a.family, a.dept = r.given, r.family, r.department
	a.place, a.deprovisioned, a.enabled, a.license = inTenant, false, r.enabled, r.license
	if had := before.place == inTenant || before.place == nowhere && e.adopted; had && c.held {
		// What is there stays; a license may be exchanged for another.
		a.enabled = r.enabled || before.enabled || before.place == nowhere
		if r.license == "" {
			a.license = before.license
		}
	}
	return a
}

// loses reports that the fate takes something away, if nothing is held.
func loses(a account, e *employee, r *row, c circumstances) bool {
	if a.place == inBin || a.place == nowhere && (r == nil || !e.adopted) {
		return false
	}
	c.held = false
	b := fate(a, e, r, c)
	enabled := a.enabled || a.place == nowhere // Whoever is adopted was enabled.
	return b.place == inBin || b.deprovisioned && !a.deprovisioned || enabled && !b.enabled || a.license != "" && b.license == ""
}

// seen is an account of the tenant or the bin in the model's words.
func seen(u *simulator.UserState) account {
	text := func(name string) string { s, _ := u.Properties[name].(string); return s }
	a := account{
		place: inTenant, id: u.ID, upn: u.UserPrincipalName, display: text("displayName"), given: text("givenName"), family: text("surname"),
		nick: text("mailNickname"), dept: text("department"), enabled: u.AccountEnabled,
		deprovisioned: strings.Contains(text(markProperty), "disabled=deprovisioned"),
	}
	if u.DeletedDateTime != "" {
		a.place = inBin
		// The bin puts the id before the name.
		a.upn = strings.TrimPrefix(a.upn, strings.ReplaceAll(u.ID, "-", ""))
	}
	var held []string
	for _, l := range u.Licenses {
		held = append(held, l.SkuPartNumber)
	}
	a.license = strings.Join(held, " ")
	return a
}

// may says what a person may lose in a round.
type may struct {
	disable, remove bool
	// take says whether a license may be taken away.
	take func(part string) bool
}

// mayLose works it out from the lines that the file had for the person in the round; nil stands for none. Only the last few
// count where the file changed long enough ago.
func mayLose(a account, e *employee, all, lines []*row, c circumstances) may {
	m := may{take: func(string) bool { return false }}
	if e.refused {
		return m
	}
	stays := slices.ContainsFunc(all, func(r *row) bool { return r != nil })
	for _, r := range lines {
		switch {
		case r != nil:
			m.disable = m.disable || !r.enabled && (!c.held || a.place == inBin)
			before := m.take
			m.take = func(part string) bool {
				return before(part) || part != r.license && (r.license != "" || !c.held || a.place == inBin)
			}
		case c.held || !stays && (a.place != inTenant || a.deprovisioned):
		case c.deletes && !e.adopted:
			m.remove = true
		default:
			m.disable = true
		}
	}
	return m
}
