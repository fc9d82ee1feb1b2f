package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
	"github.com/entraflow/entraflow/internal/source/sourcetest/toy"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// A live directory that nothing but its own package and the registry knows of provisions people and disables
// leavers: workflows, activities and plan are as they are for files.
func TestALiveStore(t *testing.T) {
	defer stores.Register(toy.Store)()
	people := sourcetest.NewDirectory(sourcetest.People(30))
	toy.Serve("toy://corp.example", people)
	k := testkit.Start(t, testkit.Options{})
	c := k.Config()
	c.Rules[0].Source = config.Source{Settings: &toy.Settings{Toy: toy.Server{Address: "toy://corp.example"}}}
	c.Rules[0].Mappings = map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: `user.givenName.lowerAscii() + "@contoso.com"`},
		directory.DisplayName:       {Expression: `user.givenName + " " + user.surname`},
		directory.MailNickname:      {Expression: `user.givenName`},
		directory.Password:          {Expression: `randomPassword(24)`},
	}
	synced(t, k, c)
	require.Len(t, k.Havings(), 30)

	before := people.Requests()
	require.Zero(t, k.MustSync("staff").Planned)
	require.Equal(t, int64(1), people.Requests()-before, "a sync without changes costs the directory one listing")

	people.Set(sourcetest.People(29))
	r := k.MustSync("staff")
	require.Equal(t, map[plan.Action]int{plan.Remove: 1}, r.Actions)
	u, _ := k.User("given30")
	require.False(t, u.AccountEnabled)

	on, err := k.Provision("E00007")
	require.NoError(t, err)
	require.Equal(t, plan.Success, on.Outcome)
	gone, err := k.Provision("E00030")
	require.NoError(t, err)
	require.Equal(t, fault.PersonNotFound, gone.Reason)
}
