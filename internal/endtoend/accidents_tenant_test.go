package endtoend_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

func lists(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/users")
}

// firstPage and laterPage are requests of the tenant's whole list.
func firstPage(r *http.Request) bool {
	return lists(r) && !strings.Contains(r.URL.RawQuery, "skiptoken") && !strings.Contains(r.URL.RawQuery, "filter")
}

func laterPage(r *http.Request) bool {
	return lists(r) && strings.Contains(r.URL.RawQuery, "skiptoken")
}

func subscriptions(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/subscribedSkus") }

// answerNext lets the next such request be answered with 200 and this body.
func answerNext(k *testkit.Kit, match func(*http.Request) bool, body string) {
	k.Simulator.FailNext(match, simulator.Fault{Status: 200, Body: body})
}

// What Graph answers in odd moments. One person has left meanwhile, and is removed by nothing but a whole reading.
func TestAccidentsOfReadingTheTenant(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	for i := range 2100 {
		name := strings.ToLower(string(rune('a'+i%26))) + strings.Repeat("x", i/26)
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{
			"userPrincipalName": "other-" + name + "@contoso.com", "displayName": name, "mailNickname": name, "accountEnabled": true,
		})
	}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	k.MustSync("staff")
	k.AwaitSynced()
	k.WritePeople(people[:12]...)
	before := k.Havings()
	cut := listing(t, k)[:5000]
	const failed = api.SyncFailed
	for _, c := range []struct {
		name   string
		happen func()
		outcome
	}{
		{"no user at all, and no further page", func() { answerNext(k, firstPage, `{"value":[]}`) }, outcome{state: failed, cause: fault.TenantReadSuspicious}},
		{"the answer is no list", func() { answerNext(k, firstPage, `{}`) }, outcome{state: failed, cause: fault.UnexpectedAnswer}},
		{"the first page is cut", func() { answerNext(k, firstPage, cut) }, outcome{state: failed, cause: fault.UnexpectedAnswer}},
		{"a later page is cut", func() { answerNext(k, laterPage, cut) }, outcome{state: failed, cause: fault.UnexpectedAnswer}},
		{"the last page is cut", func() {
			last := 0
			answerNext(k, func(r *http.Request) bool {
				if laterPage(r) {
					last++
				}
				return last == 2
			}, cut)
		}, outcome{state: failed, cause: fault.UnexpectedAnswer}},
		{"a page leads to another host", func() {
			answerNext(k, firstPage, `{"value":[],"@odata.nextLink":"https://graph.example.com/v1.0/users?$skiptoken=1"}`)
		}, outcome{state: failed, cause: fault.ForeignNextLink}},
		{"a page leads to itself", func() {
			next := `{"value":[],"@odata.nextLink":"` + k.Simulator.URL() + `/v1.0/users?$skiptoken=1"}`
			answerNext(k, firstPage, next)
			answerNext(k, laterPage, next)
		}, outcome{state: failed, cause: fault.UnexpectedAnswer}},
		{"the list gives no account an id", func() { answerNext(k, firstPage, listing(t, k, "id")) }, outcome{state: failed, cause: fault.UnexpectedAnswer}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.happen()
			c.sync(t, k, before)
		})
	}
	t.Run("each page fails once and is read again; then the person who left is removed", func(t *testing.T) {
		k.Simulator.FailNext(firstPage, simulator.Fault{Reset: true})
		k.Simulator.FailNext(laterPage, simulator.Fault{Status: 503})
		k.Simulator.FailNext(laterPage, simulator.Fault{Reset: true})
		k.Simulator.FailNext(laterPage, simulator.Fault{Status: 504})
		k.Simulator.FailNext(laterPage, simulator.GraphFault(400, "Directory_ExpiredPageToken", "The specified page token value has expired."))
		outcome{state: api.SyncCompleted, lost: []string{"u11"}}.sync(t, k, before)
	})
}

// What administrators and other programs do to the accounts.
func TestAccidentsOfTheAccounts(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	k.MustSync("staff")
	k.AwaitSynced()
	before := k.Havings()
	link, mark := property("entraflowLink"), property("entraflowMark")
	set := func(name string, props map[string]any) {
		t.Helper()
		mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.SetUser(name+"@contoso.com", props) })
	}
	const failed, completed = api.SyncFailed, api.SyncCompleted

	t.Run("all links wiped", func(t *testing.T) {
		links := map[string]any{}
		for _, u := range k.Simulator.State().Tenants[0].Users {
			links[u.ID] = u.Properties[link]
			mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.SetUser(u.ID, map[string]any{link: nil}) })
		}
		k.WritePeople(people[:8]...)
		outcome{state: failed, cause: fault.TenantReadSuspicious}.sync(t, k, before)
		for id, value := range links {
			mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.SetUser(id, map[string]any{link: value}) })
		}
		restored(t, k, before, people)
	})
	t.Run("the property that holds the links deleted", func(t *testing.T) {
		mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.DropExtension(link) })
		k.WritePeople(people[:8]...)
		outcome{state: failed, cause: fault.ExtensionMissing}.sync(t, k, before)
		require.Equal(t, api.StateInvalid, k.Describe().State)
		mutate(t, k, func(tenant *simulator.Tenant) error {
			_, err := tenant.AddExtension(simulator.DefaultClientID, "entraflowLink")
			return err
		})
		k.WritePeople(people...) // The test that passes starts a sync.
		require.NoError(t, k.Update(api.UpdateTest, nil))
		restored(t, k, before, people)
	})
	t.Run("a page without licenseAssignmentStates", func(t *testing.T) {
		k.WritePeople(each(people, func(i int, f []string) {
			if i == 0 {
				f[columnLicense] = ""
			}
		})...)
		answerNext(k, firstPage, listing(t, k, "licenseAssignmentStates"))
		outcome{state: completed}.sync(t, k, before)
		require.Zero(t, k.Simulator.Stats().WastedWrites)
		u, _ := k.User("u00")
		require.Contains(t, u.Properties[mark], "lic=", "we still know whose license it is")
		restored(t, k, before, people)
	})
	t.Run("the subscriptions vanished", func(t *testing.T) {
		answerNext(k, subscriptions, `{"value":[]}`)
		outcome{state: completed, cause: fault.LicenseUnknown, people: 12}.sync(t, k, before)
		restored(t, k, before, people)
	})
	t.Run("moved and renamed by an administrator", func(t *testing.T) {
		set("u03", map[string]any{"userPrincipalName": "moved@contoso.com", "department": "Elsewhere", "displayName": "Somebody"})
		r := outcome{state: completed}.sync(t, k, before)
		require.Equal(t, map[plan.Action]int{plan.Update: 1}, r.Actions)
		require.Equal(t, before, k.Havings(), "mended, and no second account")
	})
	t.Run("the link copied to another account", func(t *testing.T) {
		original, _ := k.User("u04")
		var copied string
		mutate(t, k, func(tenant *simulator.Tenant) (err error) {
			copied, err = tenant.AddUser(simulator.UserSeed{"userPrincipalName": "copy@contoso.com", "displayName": "Copy", "mailNickname": "copy",
				"accountEnabled": true, link: original.Properties[link], mark: original.Properties[mark]})
			return err
		})
		twice := k.Havings()
		outcome{state: completed, cause: fault.LinkDuplicate, people: 1}.sync(t, k, twice)
		k.WritePeople(append(append([]string{}, people[:5]...), people[6:]...)...)
		r := outcome{state: completed, cause: fault.LinkDuplicate}.sync(t, k, twice)
		require.Len(t, r.Doubtful, 2, "both are reported")
		mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.PurgeUser(copied) })
		restored(t, k, before, people)
	})
	t.Run("the link of another person", func(t *testing.T) {
		original, _ := k.User("u05")
		set("u06", map[string]any{link: original.Properties[link]})
		r, err := k.Sync("staff")
		k.AwaitSynced()
		outcome{state: completed, cause: fault.LinkDuplicate}.check(t, k, before, r, err)
		require.Equal(t, 2, r.Failed, "%+v", r.Problems)
		set("u06", map[string]any{link: strings.Replace(original.Properties[link].(string), "e05", "e06", 1)})
		restored(t, k, before, people)
	})
	t.Run("a link that is no link", func(t *testing.T) {
		set("u06", map[string]any{link: "hello"})
		outcome{state: completed, cause: fault.AccountLinkedElsewhere, people: 1}.sync(t, k, before)
		set("u06", map[string]any{link: "contoso/staff/e06"})
		restored(t, k, before, people)
	})
	t.Run("the mark garbled, and then the person loses the license and leaves", func(t *testing.T) {
		u, _ := k.User("u07")
		set("u07", map[string]any{mark: "scribble"})
		k.WritePeople(each(people, func(i int, f []string) {
			if i == 7 {
				f[columnLicense] = ""
			}
		})...)
		outcome{state: completed}.sync(t, k, before)
		deleting := k.Config()
		deleting.Preferences.RemoveAction = config.RemoveDelete
		k.MustApply(deleting)
		k.WritePeople(append(append([]string{}, people[:8]...), people[9:]...)...)
		outcome{state: completed, lost: []string{"u07"}}.sync(t, k, before)
		_, there := k.User("u07")
		require.True(t, there, "what is not known to be created by us is disabled and not deleted")
		k.MustApply(k.Config())
		set("u07", map[string]any{mark: u.Properties[mark], "accountEnabled": true})
		restored(t, k, before, people)
	})
	t.Run("deleted by an administrator", func(t *testing.T) {
		mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.DeleteUser("u08@contoso.com") })
		r, err := k.Sync("staff")
		require.NoError(t, err)
		k.AwaitSynced()
		require.Equal(t, map[plan.Action]int{plan.Restore: 1}, r.Actions)
		require.Equal(t, before, k.Havings(), "restored: the same account, with its license")
	})
	t.Run("disabled and then deleted by an administrator", func(t *testing.T) {
		set("u08", map[string]any{"accountEnabled": false})
		mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.DeleteUser("u08@contoso.com") })
		r := outcome{state: completed, cause: fault.DisabledByOther, people: 1, lost: []string{"u08"}}.sync(t, k, before)
		require.Equal(t, map[plan.Action]int{plan.Restore: 1}, r.Actions)
		set("u08", map[string]any{"accountEnabled": true})
		restored(t, k, before, people)
	})
	t.Run("disabled by an administrator", func(t *testing.T) {
		set("u09", map[string]any{"accountEnabled": false})
		outcome{state: completed, cause: fault.DisabledByOther, people: 1, lost: []string{"u09"}}.sync(t, k, before)
		set("u09", map[string]any{"accountEnabled": true})
		restored(t, k, before, people)
	})
	for name, c := range map[string]struct {
		props, back map[string]any
		cause       fault.Reason
	}{
		"became a guest":                 {map[string]any{"userType": "Guest"}, map[string]any{"userType": "Member"}, fault.AccountGuest},
		"became synced from on-premises": {map[string]any{"onPremisesSyncEnabled": true}, map[string]any{"onPremisesSyncEnabled": nil}, fault.AccountSynced},
	} {
		t.Run(name, func(t *testing.T) {
			set("u10", c.props)
			k.WritePeople(each(people, func(i int, f []string) { f[columnDepartment] = "Support" })...)
			outcome{state: completed, cause: c.cause, people: 1}.sync(t, k, before)
			k.WritePeople(append(append([]string{}, people[:11]...), people[12])...)
			r := outcome{state: completed, cause: c.cause, people: 1}.sync(t, k, before)
			require.Len(t, r.Doubtful, 1)
			set("u10", c.back)
			restored(t, k, before, people)
		})
	}
	t.Run("a domain is no longer verified, and everybody has a new name", func(t *testing.T) {
		moved := k.Config()
		moved.Rules[0].Mappings["userPrincipalName"] = config.Mapping{Expression: `user.username + "@fabrikam.example"`}
		r, err := k.Apply(moved)
		require.NoError(t, err)
		require.Len(t, r.Synced, 1)
		s, err := k.Await("staff")
		k.AwaitSynced()
		outcome{state: completed, cause: fault.DomainNotVerified, people: 12}.check(t, k, before, s, err)
		k.MustApply(k.Config())
		restored(t, k, before, people)
	})
}
