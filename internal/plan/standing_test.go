package plan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/plan"
)

// Where everybody stands with rule staff, beside which there is a rule guests.
func TestStandings(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	marked := func(a directory.Account, m directory.Mark) directory.Account { a.Mark = m.String(); return a }
	twin := owned("staff", who("twin", "twin", ""))
	twin.ID = "id-twin2"
	foreign := owned("staff", who("far", "far", ""))
	foreign.Link = "fabrikam/staff/far"
	people := staff(who("new", "new", ""), who("ann", "ann", ""), who("failing", "", ""), with(who("out", "out", ""), "dept", "Other"),
		with(who("guest", "guest", ""), "dept", "Guests"), with(who("broken", "broken", ""), "n", "many"), who("twin", "twin", ""), who(long, "long", ""))
	others := &roster{key: "others", version: "1", people: people.people[:0:0]}
	others.people = append(others.people, who("both", "both", ""))
	people.people = append(people.people, who("both", "both", ""))
	in := input([]directory.Account{
		owned("staff", who("ann", "ann", "")), owned("staff", who("failing", "ff", "")), owned("staff", who("out", "out", "")), owned("staff", who("gone", "gone", "")),
		owned("staff", who("guest", "guest", "")), owned("staff", who("broken", "broken", "")), owned("staff", who("twin", "twin", "")), twin, owned("staff", who(long, "long", "")),
		owned("staff", who("both", "both", "")), owned("disabled", who("paused", "paused", "")), foreign,
		marked(owned("staff", who("earlier", "earlier", "")), directory.Mark{Origin: directory.Created, Disabled: directory.DisabledDeprovisioned}),
		marked(owned("staff", who("elsewhere", "elsewhere", "")), directory.Mark{Origin: directory.Created, Source: "another"}),
	}, rule(t, "staff", `user.dept == "Sales" && int(user.n) > 0`, people), rule(t, "guests", `user.dept == "Guests"`, people), rule(t, "others", "", others))
	in.SourceTag = "this"
	in.Standings = true
	hashed, _ := directory.ParseLink(directory.NewLink("contoso", "staff", long).String())
	p := build(t, in)
	require.Equal(t, map[string]plan.Standing{
		"new": plan.Provisioned, "ann": plan.Provisioned, hashed.PersonID(): plan.Provisioned,
		"guest": plan.Elsewhere,
		"out":   plan.Left, "gone": plan.Left, "earlier": plan.Left,
		"failing": plan.InDoubt, "broken": plan.InDoubt, "twin": plan.InDoubt, "both": plan.InDoubt, "paused": plan.InDoubt, "elsewhere": plan.InDoubt,
	}, p.Standings)
	in.Standings = false
	require.Nil(t, build(t, in).Standings)
}
