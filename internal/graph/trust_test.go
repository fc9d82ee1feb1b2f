package graph_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// A tenant that has lost the definition of link or mark answers a $select that names it with accounts without it (row 5 of
// what was seen of the real service). Such a list is broken: nobody's link is gone.
func TestListOfATenantWithoutDefinitions(t *testing.T) {
	t.Parallel()
	const unknown = "Property '%s' does not exist as a declared property or extension property."
	both := fmt.Sprintf(`{"value":[{"name":%q},{"name":%q}]}`, selection.LinkProperty, selection.MarkProperty)
	for _, test := range []struct {
		name string
		// link and mark: the property is shown by $select, and known to $filter.
		link, mark bool
		// defined is the list of definitions; "" may not be read.
		defined string
		attempt int
		reason  fault.Reason
		kind    fault.Kind
	}{
		{name: "all is well", link: true, mark: true},
		{name: "nobody is linked yet", link: false, mark: false, defined: "known"},
		{name: "link lost", mark: true, defined: `{"value":[]}`, attempt: 9, reason: fault.ExtensionMissing, kind: fault.Denied},
		{name: "link lost, in the first attempt", mark: true, defined: `{"value":[]}`, attempt: 1, reason: fault.ExtensionMissing, kind: fault.Denied},
		{name: "definitions not to be read, in the first attempt", mark: true, attempt: 1, reason: fault.ExtensionNotReady, kind: fault.NotReady},
		{name: "link lost, definitions not to be read", mark: true, attempt: 9, reason: fault.ExtensionMissing, kind: fault.Denied},
		{name: "mark lost", link: true, defined: `{"value":[]}`, attempt: 9, reason: fault.ExtensionMissing, kind: fault.Denied},
		{name: "both registered and not known to a server", defined: both, attempt: 9, reason: fault.ExtensionNotReady, kind: fault.NotReady},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.Graph = func(w http.ResponseWriter, r *http.Request) {
				filter := r.URL.Query().Get("$filter")
				switch {
				case strings.Contains(r.URL.Path, "/applications") && test.defined == "":
					reply(w, 403, nil, graphError("Authorization_RequestDenied", denied))
				case strings.Contains(r.URL.Path, "/applications"):
					reply(w, 200, nil, test.defined)
				case test.defined == "known" && filter != "":
					reply(w, 200, nil, `{"value":[]}`)
				case strings.HasPrefix(filter, selection.LinkProperty) && !test.link:
					reply(w, 400, nil, graphError("Request_UnsupportedQuery", fmt.Sprintf(unknown, selection.LinkProperty)))
				case strings.HasPrefix(filter, selection.MarkProperty) && !test.mark:
					reply(w, 400, nil, graphError("Request_UnsupportedQuery", fmt.Sprintf(unknown, selection.MarkProperty)))
				case filter != "":
					reply(w, 200, nil, `{"value":[]}`)
				default:
					shown := ""
					if test.link {
						shown += fmt.Sprintf(`,%q:"contoso/staff/1"`, selection.LinkProperty)
					}
					if test.mark {
						shown += fmt.Sprintf(`,%q:"m"`, selection.MarkProperty)
					}
					reply(w, 200, nil, fmt.Sprintf(`{"value":[{"id":"a","userPrincipalName":"a@contoso.com"%s}]}`, shown))
				}
			}
			err := list(context.Background(), f.client(t).With(graph.Attempt(test.attempt)))
			if test.reason == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, test.reason, fault.Of(err).Reason, "%v", err)
			require.Equal(t, test.kind, fault.Of(err).Kind)
			if test.kind == fault.NotReady {
				require.NotZero(t, fault.Of(err).RetryAfter)
			}
		})
	}
}

// Whoever writes, or looks for a link, is told of lost definitions, too: not at once, and not after hours of attempts.
func TestLostDefinitionsEndTheAttempts(t *testing.T) {
	t.Parallel()
	for _, call := range []callFunc{byLink, create, update} {
		f := newFake(t)
		f.Graph = func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.Contains(r.URL.Path, "/applications"):
				reply(w, 200, nil, `{"value":[]}`)
			case r.Method == "GET":
				reply(w, 400, nil, graphError("Request_UnsupportedQuery", "Property '"+selection.LinkProperty+"' does not exist as a declared property or extension property."))
			default:
				reply(w, 400, nil, graphError(bad, "The following extension properties are not available: "+selection.LinkProperty+"."))
			}
		}
		c := f.client(t)
		early := fault.Of(call(context.Background(), c.With(graph.Attempt(6))))
		require.Equal(t, fault.ExtensionNotReady, early.Reason)
		require.Equal(t, fault.NotReady, early.Kind)
		late := fault.Of(call(context.Background(), c.With(graph.Attempt(7))))
		require.Equal(t, fault.ExtensionMissing, late.Reason)
		require.Equal(t, fault.Denied, late.Kind)
		require.Equal(t, selection.LinkProperty, late.Subject)
		require.True(t, late.Reason.WithdrawsConnection())
	}
}

// The token endpoint is a name out of an answer: the secret goes to the sign-in service's own host, by HTTPS, or nowhere.
func TestTheSecretGoesToNoOtherHost(t *testing.T) {
	t.Parallel()
	var stolen atomic.Int32
	thief := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "s3cret") {
			stolen.Add(1)
		}
		reply(w, 200, nil, fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"access_token":%q}`, accessToken(1, allRoles)))
	}
	plain := httptest.NewServer(http.HandlerFunc(thief))
	t.Cleanup(plain.Close)
	other := newFake(t)
	other.Login = thief
	for _, endpoint := range []string{plain.URL + "/token", other.URL + "/" + tenantID + "/oauth2/v2.0/token", "http://HOST/token"} {
		f := newFake(t)
		endpoint := strings.ReplaceAll(endpoint, "HOST", strings.TrimPrefix(f.URL, "https://"))
		base := f.URL + "/" + tenantID
		f.Discovery = answering(200, nil, fmt.Sprintf(`{"issuer":"%s/v2.0","authorization_endpoint":"%s/a","token_endpoint":"%s","jwks_uri":"%s/k"}`, base, base, endpoint, base))
		err := fresh(context.Background(), f.client(t))
		require.Equal(t, fault.LoginHostForeign, fault.Of(err).Reason, "%v", err)
		require.Equal(t, fault.Refused, fault.Of(err).Kind)
		require.NotContains(t, fault.Of(err).Message(), "s3cret")
	}
	require.Zero(t, stolen.Load())
}

// zeros is an answer of any size.
func zeros(w http.ResponseWriter, size int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(200)
	_, _ = io.WriteString(w, `{"value":[{"id":"a","userPrincipalName":"`)
	chunk := strings.Repeat("0", 1<<20)
	for range size >> 20 {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, `@contoso.com"}]}`)
}

// An answer of any size is not read to its end, and not kept in memory.
func TestLargeAnswers(t *testing.T) {
	f := newFake(t)
	f.Graph = func(w http.ResponseWriter, _ *http.Request) { zeros(w, 400<<20) }
	c := f.client(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := list(context.Background(), c)
	runtime.ReadMemStats(&after)
	require.Equal(t, fault.UnexpectedAnswer, fault.Of(err).Reason, "%v", err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(500<<20))
	require.Equal(t, fault.WriteUncertain, fault.Of(update(context.Background(), c)).Reason, "what a write did is not known then")

	f.Graph = func(w http.ResponseWriter, _ *http.Request) { zeros(w, 20<<20) }
	require.NoError(t, c.ListUsers(context.Background(), directory.Selection{}, func([]directory.Account) error { return nil }, nil), "a large page is a page")

	f.Login = func(w http.ResponseWriter, _ *http.Request) { zeros(w, 20<<20) }
	require.Equal(t, fault.UnexpectedAnswer, fault.Of(fresh(context.Background(), f.client(t))).Reason)
}

// Pages that do not end are not followed for ever, whatever their links say.
func TestEndlessPages(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]func(n int) string{
		"empty":        func(int) string { return "" },
		"always alike": func(int) string { return `{"id":"a","userPrincipalName":"a@contoso.com","name":"a"}` },
	} {
		for _, call := range []callFunc{list, exts} {
			f := newFake(t)
			var n atomic.Int32
			f.Graph = func(w http.ResponseWriter, r *http.Request) {
				next := n.Add(1)
				reply(w, 200, nil, fmt.Sprintf(`{"@odata.nextLink":"%s%s?page=%d","value":[%s]}`, f.URL, r.URL.Path, next, page(int(next))))
			}
			err := call(context.Background(), f.client(t))
			require.Equal(t, fault.UnexpectedAnswer, fault.Of(err).Reason, name)
			require.LessOrEqual(t, n.Load(), int32(101), name)
		}
	}
	// A circle of two.
	for _, call := range []callFunc{list, exts} {
		f := newFake(t)
		var n atomic.Int32
		f.Graph = func(w http.ResponseWriter, r *http.Request) {
			next := n.Add(1)
			reply(w, 200, nil, fmt.Sprintf(`{"@odata.nextLink":"%s%s?page=%d","value":[{"id":"%d","userPrincipalName":"%d@contoso.com","name":"%d"}]}`, f.URL, r.URL.Path, next%2, next, next, next))
		}
		require.Equal(t, fault.UnexpectedAnswer, fault.Of(call(context.Background(), f.client(t))).Reason)
		require.LessOrEqual(t, n.Load(), int32(4))
	}
}
