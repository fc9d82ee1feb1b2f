package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// world is a simulator with a client of its tenant.
type world struct {
	*simulator.Server
	client *graph.Client
	sel    directory.Selection
}

// simulate starts a simulator whose extension properties exist, and checks at the end that nothing went over the wire
// that no correct client sends.
func simulate(t *testing.T, o simulator.Options, change ...func(*graph.Options)) *world {
	t.Helper()
	s, err := simulator.Start(o)
	require.NoError(t, err)
	options := graph.Options{Waits: waits(0.001)}
	for _, c := range change {
		c(&options)
	}
	endpoints, _ := graph.CloudEndpoints("simulator")
	endpoints.Graph, endpoints.Login, endpoints.CAPEM = s.URL(), s.URL(), s.CAPEM()
	client, err := graph.NewPool(options).Client(graph.ClientConfig{
		TenantID: simulator.DefaultTenantID, ClientID: simulator.DefaultClientID, Endpoints: endpoints,
		Secret: func(context.Context) (string, error) { return simulator.DefaultClientSecret, nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		stats := s.Stats()
		require.NoError(t, s.Close())
		require.Empty(t, stats.ProtocolFaults)
		require.Zero(t, stats.EarlyRetries)
	})
	return &world{Server: s, client: client, sel: directory.Selection{
		Attributes:   []string{"displayName", "department", "businessPhones", "otherMails", "usageLocation"},
		LinkProperty: graph.ExtensionName(simulator.DefaultClientID, graph.LinkProperty),
		MarkProperty: graph.ExtensionName(simulator.DefaultClientID, graph.MarkProperty),
	}}
}

func (w *world) register(t *testing.T) {
	t.Helper()
	for _, short := range []string{graph.LinkProperty, graph.MarkProperty} {
		name, err := w.client.RegisterExtensionProperty(context.Background(), short)
		require.NoError(t, err)
		require.Equal(t, graph.ExtensionName(simulator.DefaultClientID, short), name)
	}
}

func person(n int) graph.NewUser {
	return graph.NewUser{
		UserPrincipalName: fmt.Sprintf("p%d@contoso.com", n), Password: "Correct-Horse-77", Enabled: true, ResetPassword: true,
		Link: fmt.Sprintf("contoso/staff/%d", n), Mark: "1;created",
		Attributes: map[string]string{"displayName": fmt.Sprintf("Person %d", n), "mailNickname": fmt.Sprintf("p%d", n), "usageLocation": "US", "department": "R&D", "otherMails": "a@b.c\x1fd@e.f"},
	}
}

// TestLifeOfAnAccount goes through everything that the client can do, against the simulator.
func TestLifeOfAnAccount(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), simulate(t, simulator.Options{})
	c := w.client

	err := c.ProbeExtension(ctx, w.sel)
	require.True(t, fault.Is(err, fault.ExtensionMissing), "%v", err)
	w.register(t)
	w.register(t) // again is success
	require.NoError(t, c.ProbeExtension(ctx, w.sel))
	names, err := c.ExtensionProperties(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{w.sel.LinkProperty, w.sel.MarkProperty}, names)

	info, err := c.FreshToken(ctx)
	require.NoError(t, err)
	require.Subset(t, info.Roles, []string{"User.ReadWrite.All", "Organization.Read.All"})
	require.Equal(t, simulator.DefaultTenantID, info.TenantID)
	org, err := c.Organization(ctx)
	require.NoError(t, err)
	require.Equal(t, simulator.DefaultTenantID, org.ID)
	require.NotEmpty(t, org.Domains)
	skus, err := c.SubscribedSKUs(ctx)
	require.NoError(t, err)
	e3, ok := directory.FindSKU(skus, "SPE_E3")
	require.True(t, ok)
	require.Equal(t, simulator.SKUM365E3, e3.ID)
	require.Positive(t, e3.Available())

	id, err := c.CreateUser(ctx, person(1), w.sel)
	require.NoError(t, err)
	a, err := c.UserByID(ctx, id, w.sel)
	require.NoError(t, err)
	require.Equal(t, &directory.Account{ID: id, UserPrincipalName: "p1@contoso.com", Enabled: true, Link: "contoso/staff/1", Mark: "1;created",
		Values: []string{"Person 1", "R&D", "", "a@b.c\x1fd@e.f", "US"}}, a)
	byName, err := c.UserByUPN(ctx, "P1@contoso.com", w.sel)
	require.NoError(t, err)
	require.Equal(t, a, byName)
	byLink, err := c.UsersByLink(ctx, "contoso/staff/1", w.sel)
	require.NoError(t, err)
	require.Equal(t, []directory.Account{*a}, byLink)
	byLink, err = c.UsersByLink(ctx, "contoso/staff/o'neil", w.sel)
	require.NoError(t, err)
	require.Empty(t, byLink)

	_, err = c.CreateUser(ctx, person(1), w.sel)
	require.True(t, fault.Is(err, fault.AccountExists), "%v", err)
	require.Equal(t, fault.Rematch, fault.KindOf(err))

	require.NoError(t, c.UpdateUser(ctx, id, graph.Patch{
		UserPrincipalName: ptr("q1@contoso.com"), Enabled: ptr(false), Mark: ptr("1;created;disabled=source"),
		Attributes: map[string]string{"department": "", "otherMails": "", "businessPhones": "+1 425 555 0100"},
	}, w.sel))
	a, err = c.UserByID(ctx, id, w.sel)
	require.NoError(t, err)
	require.Equal(t, &directory.Account{ID: id, UserPrincipalName: "q1@contoso.com", Link: "contoso/staff/1", Mark: "1;created;disabled=source",
		Values: []string{"Person 1", "", "+1 425 555 0100", "", "US"}}, a)
	require.NoError(t, c.RevokeSessions(ctx, id))

	plan := e3.Plans[0].ID
	require.NoError(t, c.AssignLicenses(ctx, id, []directory.License{{SKU: e3.ID, DisabledPlans: []string{plan}}}, nil))
	a, err = c.UserByID(ctx, id, w.sel)
	require.NoError(t, err)
	require.Equal(t, []directory.AssignedLicense{{SKU: e3.ID, DisabledPlans: []string{plan}, State: "Active"}}, a.Licenses)
	require.Empty(t, a.Unexplained)
	require.NoError(t, c.AssignLicenses(ctx, id, []directory.License{{SKU: simulator.SKUM365E5}}, []string{e3.ID}))
	require.True(t, fault.Is(c.AssignLicenses(ctx, id, nil, []string{e3.ID}), fault.LicenseNotAssigned))

	boss, err := c.CreateUser(ctx, person(2), w.sel)
	require.NoError(t, err)
	require.NoError(t, c.SetManager(ctx, id, boss))
	require.NoError(t, c.ClearManager(ctx, id))

	var ids []string
	require.NoError(t, c.ListUsers(ctx, w.sel, collect(&ids), nil))
	require.ElementsMatch(t, []string{id, boss}, ids)

	require.NoError(t, c.DeleteUser(ctx, id))
	_, err = c.UserByID(ctx, id, w.sel)
	require.True(t, fault.Is(err, fault.AccountNotFound), "%v", err)
	require.True(t, fault.Is(c.DeleteUser(ctx, id), fault.AccountNotFound))
	var deleted []directory.Account
	require.NoError(t, c.DeletedUsers(ctx, w.sel, func(page []directory.Account) error { deleted = append(deleted, page...); return nil }))
	require.Len(t, deleted, 1)
	require.Equal(t, "q1@contoso.com", graph.NameBeforeBin(deleted[0]))
	require.Equal(t, "contoso/staff/1", deleted[0].Link)
	require.NoError(t, c.RestoreUser(ctx, id))
	a, err = c.UserByID(ctx, id, w.sel)
	require.NoError(t, err)
	require.Equal(t, "q1@contoso.com", a.UserPrincipalName)

	// Somebody else has the name by now.
	require.NoError(t, c.DeleteUser(ctx, id))
	w.Mutate(func(tn *simulator.Tenant) {
		_, err = tn.AddUser(simulator.UserSeed{"userPrincipalName": "q1@contoso.com", "displayName": "Quentin"})
	})
	require.NoError(t, err)
	require.True(t, fault.Is(c.RestoreUser(ctx, id), fault.AccountExists))
	require.True(t, fault.Is(c.RestoreUserAs(ctx, id, "q1@elsewhere.example"), fault.DomainNotVerified))
	require.NoError(t, c.RestoreUserAs(ctx, id, "q2@contoso.com"))
	a, err = c.UserByID(ctx, id, w.sel)
	require.NoError(t, err)
	require.Equal(t, "q2@contoso.com", a.UserPrincipalName)
	require.Equal(t, "contoso/staff/1", a.Link)
}

// TestSimulatedRefusals: the simulator was written from the documentation and not from our table; both must agree.
func TestSimulatedRefusals(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), simulate(t, simulator.Options{})
	w.register(t)
	c := w.client
	var admin, synced, inherited string
	w.Mutate(func(tn *simulator.Tenant) {
		var errs [6]error
		admin, errs[0] = tn.AddUser(simulator.UserSeed{"userPrincipalName": "admin@contoso.com", "displayName": "Admin", "adminRole": true})
		synced, errs[1] = tn.AddUser(simulator.UserSeed{"userPrincipalName": "synced@contoso.com", "displayName": "Synced", "onPremisesSyncEnabled": true})
		inherited, errs[2] = tn.AddUser(simulator.UserSeed{"userPrincipalName": "grouped@contoso.com", "displayName": "Grouped", "usageLocation": "US"})
		group, err := tn.AddGroup(simulator.GroupSeed{"displayName": "Licensed", "licenses": []any{simulator.SKUM365E3}})
		errs[3] = err
		errs[4] = tn.AddMember(group, inherited)
		errs[5] = tn.SetStock(simulator.SKUOffice365E5, 0)
		require.NoError(t, errors.Join(errs[:]...))
	})
	id, err := c.CreateUser(ctx, person(1), w.sel)
	require.NoError(t, err)
	changed := func(change func(*graph.NewUser)) func() error {
		return func() error {
			u := person(50)
			change(&u)
			_, err := c.CreateUser(ctx, u, w.sel)
			return err
		}
	}
	patch := func(id, name, value string) func() error {
		return func() error {
			return c.UpdateUser(ctx, id, graph.Patch{Attributes: map[string]string{name: value}}, w.sel)
		}
	}
	license := func(id, sku string, plans ...string) func() error {
		return func() error {
			return c.AssignLicenses(ctx, id, []directory.License{{SKU: sku, DisabledPlans: plans}}, nil)
		}
	}
	tests := map[string]struct {
		call    func() error
		kind    fault.Kind
		reason  fault.Reason
		subject string
	}{
		"accent in the name": {changed(func(u *graph.NewUser) { u.UserPrincipalName = "zoë@contoso.com" }), fault.Invalid, fault.UPNInvalid, "userPrincipalName"},
		"foreign domain":     {changed(func(u *graph.NewUser) { u.UserPrincipalName = "a@fabrikam.com" }), fault.Invalid, fault.DomainNotVerified, "userPrincipalName"},
		"weak password":      {changed(func(u *graph.NewUser) { u.Password = "abc" }), fault.Invalid, fault.PasswordRejected, "password"},
		"no display name":    {changed(func(u *graph.NewUser) { u.Attributes["displayName"] = "" }), fault.Invalid, fault.AttributeRequired, "displayName"},
		"UK":                 {changed(func(u *graph.NewUser) { u.Attributes["usageLocation"] = "UK" }), fault.Invalid, fault.UsageLocationInvalid, "usageLocation"},
		"long given name":    {changed(func(u *graph.NewUser) { u.Attributes["givenName"] = string(make([]byte, 65)) }), fault.Invalid, fault.AttributeInvalid, "givenName"},
		"long link":          {changed(func(u *graph.NewUser) { u.Link = fmt.Sprintf("%0300d", 1) }), fault.Invalid, fault.AttributeInvalid, "entraflowLink"},
		"taken name": {func() error {
			return c.UpdateUser(ctx, id, graph.Patch{UserPrincipalName: ptr("grouped@contoso.com")}, w.sel)
		}, fault.Rematch, fault.AccountExists, "userPrincipalName"},
		"admin disabled": {func() error { return c.UpdateUser(ctx, admin, graph.Patch{Enabled: ptr(false)}, w.sel) }, fault.Denied, fault.AccountProtected, ""},
		"admin deleted":  {func() error { return c.DeleteUser(ctx, admin) }, fault.Denied, fault.AccountProtected, ""},
		"synced":         {patch(synced, "department", "x"), fault.Invalid, fault.AccountSynced, ""},
		"cleared name":   {patch(id, "displayName", ""), fault.Invalid, fault.AttributeInvalid, "displayName"},
		"no such user":   {patch(userID, "department", "x"), fault.NotFound, fault.AccountNotFound, ""},
		"young user": {func() error {
			return c.UpdateUser(ctx, userID, graph.Patch{Enabled: ptr(true)}, w.sel, graph.RecentlyWritten())
		}, fault.NotReady, fault.ReplicationPending, ""},
		"no usage location": {license(synced, simulator.SKUM365E3), fault.Invalid, fault.UsageLocationMissing, "usageLocation"},
		"no stock":          {license(id, simulator.SKUOffice365E5), fault.Invalid, fault.LicensesExhausted, "skuId"},
		"unknown license":   {license(id, userID), fault.Invalid, fault.LicenseUnknown, "skuId"},
		"inherited": {func() error { return c.AssignLicenses(ctx, inherited, nil, []string{simulator.SKUM365E3}) },
			fault.Invalid, fault.LicenseInherited, "skuId"},
		"phone alone": {license(id, simulator.SKUTeamsPhone), fault.Invalid, fault.LicenseDependency, "disabledPlans"},
		"two exchanges": {func() error {
			return c.AssignLicenses(ctx, id, []directory.License{{SKU: simulator.SKUM365E3}, {SKU: simulator.SKUExchangePlan1}}, nil)
		}, fault.Invalid, fault.LicenseConflict, "skuId"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := fault.Of(tt.call())
			require.NotNil(t, got)
			require.Equal(t, tt.kind, got.Kind, "%v", got)
			require.Equal(t, tt.reason, got.Reason, "%v", got)
			require.Equal(t, tt.subject, got.Subject)
			require.NotEmpty(t, got.RequestID)
		})
	}
}

// TestSimulatedPermissions: which permission is missing, as the token tells it.
func TestSimulatedPermissions(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), simulate(t, simulator.Options{})
	w.register(t)
	id, err := w.client.CreateUser(ctx, person(1), w.sel)
	require.NoError(t, err)
	roles := func(names ...string) {
		w.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetRoles(simulator.DefaultClientID, names...)) })
		_, err := w.client.FreshToken(ctx)
		require.NoError(t, err)
	}
	roles("User.Read.All")
	err = w.client.UpdateUser(ctx, id, graph.Patch{Enabled: ptr(false)}, w.sel)
	require.True(t, fault.Is(err, fault.PermissionDenied), "%v", err)
	require.Equal(t, "User.ReadWrite.All", fault.Of(err).Subject)
	_, err = w.client.SubscribedSKUs(ctx)
	require.True(t, fault.Is(err, fault.LicensesUnreadable), "%v", err)
	_, err = w.client.RegisterExtensionProperty(ctx, "other")
	require.True(t, fault.Is(err, fault.ExtensionDenied), "%v", err)
	roles()
	_, err = w.client.Organization(ctx)
	require.True(t, fault.Is(err, fault.ConsentMissing), "%v", err)
	w.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetSecret(simulator.DefaultClientID, "new", time.Time{}))
	})
	_, err = w.client.FreshToken(ctx)
	require.True(t, fault.Is(err, fault.SecretWrong), "%v", err)
	w.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetSecret(simulator.DefaultClientID, simulator.DefaultClientSecret, time.Now().Add(-time.Hour)))
	})
	_, err = w.client.FreshToken(ctx)
	require.True(t, fault.Is(err, fault.SecretExpired), "%v", err)
}

// TestExtensionsTakeTime: a definition that was made just now is not ready, and one that is deleted is missing.
func TestExtensionsTakeTime(t *testing.T) {
	t.Parallel()
	now := newClock()
	ctx, w := context.Background(), simulate(t, simulator.Options{ExtensionDelay: time.Minute, Now: now.Now}, func(o *graph.Options) { o.Now = now.Now })
	w.register(t)
	err := w.client.ProbeExtension(ctx, w.sel)
	require.True(t, fault.Is(err, fault.ExtensionNotReady), "%v", err)
	require.Equal(t, fault.NotReady, fault.KindOf(err))
	_, err = w.client.CreateUser(ctx, person(1), w.sel)
	require.True(t, fault.Is(err, fault.ExtensionNotReady), "%v", err)
	now.Turn(3 * time.Minute)
	require.NoError(t, w.client.ProbeExtension(ctx, w.sel))
	_, err = w.client.CreateUser(ctx, person(1), w.sel)
	require.NoError(t, err)
	w.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.DropExtension(w.sel.MarkProperty)) })
	err = w.client.ProbeExtension(ctx, w.sel)
	require.True(t, fault.Is(err, fault.ExtensionMissing), "%v", err)
	require.Equal(t, w.sel.MarkProperty, fault.Of(err).Subject)
}

// TestLostAnswers: a write that was carried out and whose answer was lost is uncertain, and a look tells.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), simulate(t, simulator.Options{})
	w.register(t)
	posts := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/v1.0/users" }
	for i, f := range []simulator.Fault{
		{Status: 504, Commit: true},
		{Status: 503, Commit: true, Body: "<html>", ContentType: "text/html"},
		{Reset: true, Commit: true},
	} {
		w.FailNext(posts, f)
		u := person(10 + i)
		_, err := w.client.CreateUser(ctx, u, w.sel)
		require.Equal(t, fault.Uncertain, fault.KindOf(err), "%v", err)
		found, err := w.client.UserByUPN(ctx, u.UserPrincipalName, w.sel)
		require.NoError(t, err)
		require.Equal(t, u.Link, found.Link)
	}
}

// TestQuotaIsKept: many writers share one client, stay within a quota that the service enforces, and nobody who is told
// to wait comes back early.
func TestQuotaIsKept(t *testing.T) {
	t.Parallel()
	quota := simulator.Quota{Writes: 40, WriteWindow: 2 * time.Second}
	ctx, w := context.Background(), simulate(t, simulator.Options{Quota: quota}, func(o *graph.Options) {
		o.Budget = &graph.Budgets{Writes: quota.Writes, Window: quota.WriteWindow, MaxWait: 10 * time.Second}
	})
	w.register(t)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 12 {
				if _, err := w.client.CreateUser(ctx, person(worker*100+i), w.sel); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	stats := w.Stats()
	require.Zero(t, stats.Throttled)
	require.Equal(t, 98, stats.Writes)
}

// TestThrottledTogether: one 429 stops everybody until its time is over.
func TestThrottledTogether(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), simulate(t, simulator.Options{})
	w.register(t)
	w.FailNext(func(r *http.Request) bool { return r.Method == http.MethodPost }, simulator.Fault{Status: 429, Headers: map[string]string{"Retry-After": "1"}})
	start := time.Now()
	_, err := w.client.CreateUser(ctx, person(1), w.sel)
	require.Equal(t, fault.Throttled, fault.KindOf(err))
	require.Equal(t, time.Second, fault.Of(err).RetryAfter)
	_, err = w.client.UserByUPN(ctx, "p1@contoso.com", w.sel)
	require.True(t, fault.Is(err, fault.AccountNotFound), "%v", err)
	require.GreaterOrEqual(t, time.Since(start), time.Second, "a read waits too")
}

// TestStormOfAccidents: whatever happens, every call ends in success or in a fault that says what to do.
func TestStormOfAccidents(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := simulate(t, simulator.Options{RandomSeed: 5, ReplicaLag: 50 * time.Millisecond, Faults: simulator.Faults{
		InternalError: .05, BadGateway: .05, UnavailableHTML: .05, UnavailableCommitted: .05, TimeoutCommitted: .05, Reset: .05, ResetCommitted: .05,
		Concurrency: .05, Unauthorized: .05, ThrottleBare: .01, EmptyPage: .2,
	}}, func(o *graph.Options) { o.Waits = waits(0.0001) })
	w.Mutate(func(tn *simulator.Tenant) {
		for _, short := range []string{graph.LinkProperty, graph.MarkProperty} {
			_, err := tn.AddExtension(simulator.DefaultClientID, short)
			require.NoError(t, err)
		}
	})
	kinds := map[fault.Kind]int{}
	for i := range 150 {
		_, err := w.client.CreateUser(ctx, person(i), w.sel)
		kinds[fault.KindOf(err)]++
		_, err = w.client.UserByUPN(ctx, person(i).UserPrincipalName, w.sel)
		kinds[fault.KindOf(err)]++
	}
	for kind := range kinds {
		require.Contains(t, []fault.Kind{"", fault.Transient, fault.Uncertain, fault.Throttled, fault.NotFound, fault.Denied}, kind)
	}
	require.Positive(t, kinds[fault.Uncertain])
	require.Positive(t, kinds[fault.Transient])
	require.LessOrEqual(t, kinds[fault.Denied], 3, "a token is refused twice in a row only by chance")
	t.Log(kinds)
}
