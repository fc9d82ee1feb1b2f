//go:build linux

package topology_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/simulator"
)

// marker stands in everything that names a person and in nothing else, so that one search finds any leak.
const marker = "zqxvk"

// The rule's filter leaves this department out.
const outside = "Contractors"

const (
	chaosConnection = "contoso"
	chaosRule       = "staff"
)

// row is one line of people.csv.
type row struct {
	id, username, given, family, department, license string
	enabled                                          bool
}

// employee is a person over time.
type employee struct {
	row
	// listed: there is a line in the file.
	listed bool
	// left is the round in which the person left last.
	left int
	// adopted: there was an account before. refused: there was one that may not be adopted.
	adopted, refused bool
}

// claimed is the line that the rule claims; nil when there is none.
func (e *employee) claimed() *row {
	if !e.listed || e.department == outside {
		return nil
	}
	r := e.row
	return &r
}

func (r *row) upn() string { return r.username + "@contoso.com" }

// workforce is everybody who ever was in the file.
type workforce struct {
	people []*employee
	rng    *rand.Rand
	names  int
}

// One in twenty is disabled, one in twenty has an account already, and two have one that is synced from on-premises or a
// guest's.
func newWorkforce(n int, rng *rand.Rand) *workforce {
	w := &workforce{rng: rng}
	for i := range n {
		e := w.hire()
		e.refused, e.adopted = i == 1 || i == 2, i > 2 && rng.IntN(20) == 0
	}
	return w
}

func (w *workforce) hire() *employee {
	e := &employee{listed: true}
	e.id = fmt.Sprintf("e%05d", len(w.people))
	e.department, e.license, e.enabled = w.department(), w.license(), w.rng.IntN(20) > 0
	w.name(e)
	e.given = fmt.Sprintf("G%s%05d", marker, w.names)
	w.people = append(w.people, e)
	return e
}

// name gives a person another sign-in name and surname. The given name stays: an id of which every name changes is taken
// for somebody else's.
func (w *workforce) name(e *employee) {
	w.names++
	e.username, e.family = fmt.Sprintf("%su%05d", marker, w.names), fmt.Sprintf("F%s%05d", marker, w.names)
}

func (w *workforce) department() string {
	return []string{"Sales", "Research", "Operations"}[w.rng.IntN(3)]
}

func (w *workforce) license() string {
	return []string{"SPE_E3", "SPE_E3", "SPE_E5", "ENTERPRISEPACK", ""}[w.rng.IntN(5)]
}

func (w *workforce) chance(p float64) bool { return w.rng.Float64() < p }

// turn is one change of the file.
type turn struct {
	round int
	// during a sync less happens, and people return whom that very sync is to remove.
	during bool
	// losses: people leave, are disabled, or get no license any more. exodus: nearly half of them leave.
	losses, exodus bool
	// welcome: everybody who left in the round before returns.
	welcome bool
	// alone are those to whom nothing happens; may be nil.
	alone func(*employee) bool
	// certain are names of people who are renamed in any case.
	certain map[string]bool
}

// change lets people join, move, leave, return, be disabled and enabled.
func (w *workforce) change(o turn) {
	share := 1.0
	if o.during {
		share = 0.4
	}
	for _, e := range w.people {
		before := *e
		switch {
		case e.refused || o.alone != nil && o.alone(e):
		case e.claimed() == nil:
			back := e.left < o.round && w.chance(0.45*share) || e.left == o.round && o.during && w.chance(0.2)
			if back || o.welcome && e.left == o.round-1 {
				w.comeBack(e)
			}
		case o.exodus && w.chance(0.45), o.losses && w.chance(0.04*share):
			w.leave(e, o.round)
		case o.losses && e.enabled && w.chance(0.03*share):
			e.enabled = false
		case o.losses && e.license != "" && w.chance(0.03*share):
			e.license = ""
		case !e.enabled && w.chance(0.4*share):
			e.enabled = true
		case o.certain[e.upn()]:
			w.name(e)
		case w.chance(0.3 * share):
			w.move(e)
		}
		if o.alone != nil && o.alone(e) {
			// Somebody may come back whose license went while they were away.
			*e = before
		}
	}
	for range max(1, int(float64(len(w.people))*share/30)) {
		w.hire()
	}
}

// leave takes the line out of the file, or the person out of the filter.
func (w *workforce) leave(e *employee, round int) {
	e.left = round
	if w.rng.IntN(2) == 0 {
		e.listed = false
	} else {
		e.department = outside
	}
}

// comeBack brings a person back, one in three under another name.
func (w *workforce) comeBack(e *employee) {
	e.listed, e.department = true, w.department()
	if w.rng.IntN(3) == 0 {
		w.name(e)
	}
}

func (w *workforce) move(e *employee) {
	what := w.rng.IntN(4)
	if what == 0 || what == 3 {
		w.name(e)
	}
	if what == 1 || what == 3 {
		if other := w.license(); other != "" {
			e.license = other
		}
	}
	if what == 2 || what == 3 {
		e.department = w.department()
	}
}

// save replaces people.csv at once.
func (w *workforce) save(dir string) error {
	var b strings.Builder
	b.WriteString("id,username,given,family,country,license,enabled,department\n")
	for _, e := range w.people {
		if e.listed {
			fmt.Fprintf(&b, "%s,%s,%s,%s,US,%s,%t,%s\n", e.id, e.username, e.given, e.family, e.license, e.enabled, e.department)
		}
	}
	path := filepath.Join(dir, "people.csv")
	if err := os.WriteFile(path+".new", []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// version is the file at one moment: the line that the rule claims, by id.
type version map[string]*row

func (w *workforce) version() version {
	v := version{}
	for _, e := range w.people {
		if r := e.claimed(); r != nil {
			v[e.id] = r
		}
	}
	return v
}

// existing are the tenant's accounts at the start: those of people (to be adopted, or not), and those of others, one of
// them linked by another connection.
func (w *workforce) existing() (out []simulator.UserSeed) {
	add := func(upn, name string, more map[string]any) {
		u := simulator.UserSeed{"userPrincipalName": upn, "displayName": name, "mailNickname": strings.Split(upn, "@")[0],
			"accountEnabled": true, "usageLocation": "DE", "jobTitle": "Before"}
		for k, v := range more {
			u[k] = v
		}
		out = append(out, u)
	}
	for i, e := range w.people {
		switch {
		case e.adopted:
			add(e.upn(), "Old "+e.family, nil)
		case e.refused && i == 1:
			add(e.upn(), "Synced "+e.family, map[string]any{"onPremisesSyncEnabled": true})
		case e.refused:
			add(e.upn(), "Guest "+e.family, map[string]any{"userType": "Guest"})
		}
	}
	for i := range max(len(w.people)/10, 3) {
		w.names++
		more := map[string]any{}
		if i%2 == 0 {
			more["licenses"] = []string{"SPE_E3"}
		}
		if i == 1 {
			more[linkProperty] = directory.NewLink("fabrikam", chaosRule, w.people[0].id).String()
		}
		add(fmt.Sprintf("%so%05d@contoso.com", marker, w.names), "Other", more)
	}
	return out
}
