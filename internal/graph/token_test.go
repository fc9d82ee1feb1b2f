package graph_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// clock is a clock that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Turn(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func okUser(w http.ResponseWriter, _ *http.Request) {
	reply(w, 200, nil, `{"id":"`+userID+`","userPrincipalName":"a@contoso.com"}`)
}

func TestFreshToken(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = okUser
	c := f.client(t)
	ctx := context.Background()
	require.NoError(t, read(ctx, c))
	f.Roles = []string{"User.ReadWrite.All"}
	info, err := c.FreshToken(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"User.ReadWrite.All"}, info.Roles)
	require.Equal(t, tenantID, info.TenantID)
	require.Equal(t, clientID, info.AppID)
	require.True(t, info.Readable)
	require.WithinDuration(t, time.Now().Add(time.Hour), info.Expires, time.Minute)
	require.NoError(t, read(ctx, c))
	require.Len(t, f.tokenRequests(), 2, "the fresh token is the cached one from then on")
	requests := f.requests()
	require.NotEqual(t, requests[0].Header.Get("Authorization"), requests[1].Header.Get("Authorization"))

	form, err := url.ParseQuery(f.tokenRequests()[0])
	require.NoError(t, err)
	require.Equal(t, "client_credentials", form.Get("grant_type"))
	require.Equal(t, "s3cret", form.Get("client_secret"))
	require.Equal(t, clientID, form.Get("client_id"))
	require.Contains(t, form.Get("scope"), "https://graph.microsoft.com/.default")
}

func TestOpaqueToken(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Login = answering(200, nil, `{"token_type":"Bearer","expires_in":3599,"access_token":"opaque"}`)
	info, err := f.client(t).FreshToken(context.Background())
	require.NoError(t, err)
	require.False(t, info.Readable)
	require.Empty(t, info.Roles)
}

// TestTokenIsShared: many calls at once, and clients of several connections, need one token.
func TestTokenIsShared(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = okUser
	pool := graph.NewPool(graph.Options{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c, err := pool.Client(f.settings())
			if err == nil {
				err = read(context.Background(), c)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, f.tokenRequests(), 1)
}

// TestSecretRotates: each token request takes the secret as it is then.
func TestSecretRotates(t *testing.T) {
	t.Parallel()
	f, now := newFake(t), newClock()
	f.Graph = okUser
	secret := "old"
	s := f.settings()
	s.Secret = func(context.Context) (string, error) { return secret, nil }
	c, err := graph.NewPool(graph.Options{Now: now.Now}).Client(s)
	require.NoError(t, err)
	ctx := context.Background()
	require.NoError(t, read(ctx, c))
	secret = "new"
	now.Turn(50 * time.Minute)
	require.NoError(t, read(ctx, c))
	require.Len(t, f.tokenRequests(), 1)
	now.Turn(6 * time.Minute)
	require.NoError(t, read(ctx, c))
	forms := f.tokenRequests()
	require.Len(t, forms, 2, "a token is renewed five minutes before its end")
	require.Contains(t, forms[0], "client_secret=old")
	require.Contains(t, forms[1], "client_secret=new")
}

// TestRenewalFails: a token that still is good is used on, and the renewal is tried again half a minute later; one that
// has ended is no use.
func TestRenewalFails(t *testing.T) {
	t.Parallel()
	f, now := newFake(t), newClock()
	f.Graph = okUser
	c := f.client(t, func(o *graph.Options) { o.Now = now.Now })
	ctx := context.Background()
	require.NoError(t, read(ctx, c))
	f.Login = answering(401, nil, login("invalid_client", "7000222"))
	now.Turn(56 * time.Minute)
	require.NoError(t, read(ctx, c))
	require.NoError(t, read(ctx, c))
	require.Len(t, f.tokenRequests(), 2)
	now.Turn(31 * time.Second)
	require.NoError(t, read(ctx, c))
	require.Len(t, f.tokenRequests(), 3)
	now.Turn(5 * time.Minute)
	require.True(t, fault.Is(read(ctx, c), fault.SecretExpired))
}

// TestSignInServiceAsksForSilence: nobody asks it for a token before that time is over, not even a test of the connection.
func TestSignInServiceAsksForSilence(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		f, now := newFake(t), newClock()
		f.Graph = okUser
		f.Login = answering(status, map[string]string{"Retry-After": "20"}, login("temporarily_unavailable", "90033"))
		c := f.client(t, func(o *graph.Options) { o.Now = now.Now })
		ctx := context.Background()
		require.Equal(t, 20*time.Second, fault.Of(read(ctx, c)).RetryAfter)
		now.Turn(15 * time.Second)
		for range 3 {
			got := fault.Of(read(ctx, c))
			require.Equal(t, fault.LoginUnavailable, got.Reason)
			require.Equal(t, 5*time.Second, got.RetryAfter)
			require.Equal(t, 5*time.Second, fault.Of(fresh(ctx, c)).RetryAfter)
		}
		require.Len(t, f.tokenRequests(), 1)
		f.Login = nil
		now.Turn(5 * time.Second)
		require.NoError(t, read(ctx, c))
		require.Len(t, f.tokenRequests(), 2)
	}
}

func TestSecretFaults(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	own := fault.New("resolve", fault.Denied, fault.SecretUnreadable, "env:NAME")
	for _, tt := range []struct {
		secret func(context.Context) (string, error)
		reason fault.Reason
		want   string
	}{
		{nil, fault.SecretMissing, "clientSecret"},
		{func(context.Context) (string, error) { return "", nil }, fault.SecretMissing, "clientSecret"},
		{func(context.Context) (string, error) { return "", errors.New("no file") }, fault.SecretUnreadable, "clientSecret"},
		{func(context.Context) (string, error) { return "", own }, fault.SecretUnreadable, "env:NAME"},
	} {
		s := f.settings()
		s.Secret = tt.secret
		c, err := graph.NewPool(graph.Options{}).Client(s)
		require.NoError(t, err)
		got := fault.Of(read(context.Background(), c))
		require.Equal(t, fault.Denied, got.Kind)
		require.Equal(t, tt.reason, got.Reason)
		require.Equal(t, tt.want, got.Subject)
	}
	require.Empty(t, f.tokenRequests())
}

// TestUnknownTenant: MSAL meets it before there is a token request.
func TestUnknownTenant(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Discovery = answering(400, nil, login("invalid_tenant", "90002"))
	err := read(context.Background(), f.client(t))
	require.True(t, fault.Is(err, fault.TenantUnknown), "%v", err)
	require.Equal(t, fault.Denied, fault.KindOf(err))
}

// TestAssertionCredential: the seam for certificates and federated assertions.
func TestAssertionCredential(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = okUser
	s := f.settings()
	s.Secret = nil
	s.Credential = func(context.Context) (confidential.Credential, error) {
		return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
			return "asserted", nil
		}), nil
	}
	c, err := graph.NewPool(graph.Options{}).Client(s)
	require.NoError(t, err)
	require.NoError(t, read(context.Background(), c))
	require.Contains(t, f.tokenRequests()[0], "client_assertion=asserted")
	require.NotContains(t, f.tokenRequests()[0], "client_secret")
}
