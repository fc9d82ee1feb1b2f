package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// paged serves pages of the given accounts' ids; hook may answer a page itself.
func paged(f *fake, pages [][]string, hook func(w http.ResponseWriter, page int) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("$skiptoken"), "p%d", &n)
		if hook != nil && hook(w, n) {
			return
		}
		var values []string
		for _, id := range pages[n] {
			values = append(values, fmt.Sprintf(`{"id":%q,"userPrincipalName":"%s@contoso.com",%q:"contoso/staff/1",%q:"m"}`, id, id, selection.LinkProperty, selection.MarkProperty))
		}
		next := ""
		if n+1 < len(pages) {
			next = fmt.Sprintf(`"@odata.nextLink":"%s/v1.0/users?%%24select=id&$skiptoken=p%d%%2Dx%%24y",`, f.URL, n+1)
		}
		reply(w, 200, nil, fmt.Sprintf(`{%s"value":[%s]}`, next, strings.Join(values, ",")))
	}
}

func collect(ids *[]string) func([]directory.Account) error {
	return func(page []directory.Account) error {
		for _, a := range page {
			*ids = append(*ids, a.ID)
		}
		return nil
	}
}

func TestListFollowsEveryPage(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = paged(f, [][]string{{"a", "b"}, {}, {"b", "c"}, {"d"}}, nil)
	var ids, progress []string
	err := f.client(t).ListUsers(context.Background(), selection, collect(&ids), func(pages, users int) {
		progress = append(progress, fmt.Sprintf("%d/%d", pages, users))
	})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c", "d"}, ids, "an account that comes twice is handed over once")
	require.Equal(t, []string{"1/2", "2/2", "3/3", "4/4"}, progress)
	requests := f.requests()
	require.Len(t, requests, 4)
	require.Equal(t, "/v1.0/users?%24select=id&$skiptoken=p1%2Dx%24y", requests[1].URI, "a nextLink is used as it came")
}

// TestListIsNotCompleteOnAnyError: pages after the first are repeated a few times, nothing else is.
func TestListIsNotCompleteOnAnyError(t *testing.T) {
	t.Parallel()
	pages := [][]string{{"a"}, {"b"}}
	broken := graphError("Service_InternalServerError", "")
	tests := []struct {
		name     string
		hook     func(calls int) func(http.ResponseWriter, int) bool
		requests int
		reason   fault.Reason
		ids      []string
	}{
		{"first page fails", func(int) func(http.ResponseWriter, int) bool {
			return func(w http.ResponseWriter, page int) bool { reply(w, 503, nil, broken); return true }
		}, 1, fault.GraphUnavailable, nil},
		{"second page fails for a while", nil, 4, "", []string{"a", "b"}},
		{"second page fails for good", func(int) func(http.ResponseWriter, int) bool {
			return func(w http.ResponseWriter, page int) bool {
				if page == 1 {
					reply(w, 502, nil, "")
				}
				return page == 1
			}
		}, 6, fault.GraphUnavailable, []string{"a"}},
		{"second page must wait long", func(int) func(http.ResponseWriter, int) bool {
			return func(w http.ResponseWriter, page int) bool {
				if page == 1 {
					reply(w, 503, map[string]string{"Retry-After": "120"}, broken)
				}
				return page == 1
			}
		}, 2, fault.GraphUnavailable, []string{"a"}},
		{"second page is refused", func(int) func(http.ResponseWriter, int) bool {
			return func(w http.ResponseWriter, page int) bool {
				if page == 1 {
					reply(w, 403, nil, graphError("Authorization_RequestDenied", denied))
				}
				return page == 1
			}
		}, 2, fault.PermissionDenied, []string{"a"}},
		{"second page is no list", func(int) func(http.ResponseWriter, int) bool {
			return func(w http.ResponseWriter, page int) bool {
				if page == 1 {
					reply(w, 200, nil, `{"@odata.context":"x"}`)
				}
				return page == 1
			}
		}, 2, fault.UnexpectedAnswer, []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			calls := 0
			hook := func(w http.ResponseWriter, page int) bool {
				if calls++; page == 1 && calls < 4 {
					reply(w, 503, nil, broken)
					return true
				}
				return false
			}
			if tt.hook != nil {
				hook = tt.hook(0)
			}
			f.Graph = paged(f, pages, hook)
			var ids []string
			err := f.client(t, func(o *graph.Options) { o.Waits = waits(0.001) }).ListUsers(context.Background(), selection, collect(&ids), nil)
			if tt.reason == "" {
				require.NoError(t, err)
			} else {
				require.True(t, fault.Is(err, tt.reason), "%v", err)
			}
			require.Equal(t, tt.ids, ids)
			require.Len(t, f.requests(), tt.requests)
		})
	}
}

func TestForeignNextLink(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"https://evil.example.com/v1.0/users?$skiptoken=x", "http://HOST/v1.0/users?$skiptoken=x", "https://HOST/beta/users", "https://HOST@evil.example.com/v1.0/users", ":"} {
		f := newFake(t)
		link = strings.ReplaceAll(link, "HOST", strings.TrimPrefix(f.URL, "https://"))
		f.Graph = answering(200, nil, `{"value":[],"@odata.nextLink":"`+link+`"}`)
		for _, call := range []callFunc{list, exts} {
			err := call(context.Background(), f.client(t))
			require.True(t, fault.Is(err, fault.ForeignNextLink), "%s: %v", link, err)
			require.Equal(t, fault.Refused, fault.KindOf(err))
		}
		require.Len(t, f.requests(), 2)
	}
}

func TestPageThatLeadsToItself(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = answering(200, nil, `{"value":[],"@odata.nextLink":"`+f.URL+`/v1.0/users?$skiptoken=x"}`)
	for _, call := range []callFunc{list, exts} {
		require.True(t, fault.Is(call(context.Background(), f.client(t)), fault.UnexpectedAnswer))
	}
}

func TestYieldEndsTheList(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = paged(f, [][]string{{"a"}, {"b"}}, nil)
	err := f.client(t).ListUsers(context.Background(), selection, func([]directory.Account) error { return errStop }, nil)
	require.Equal(t, errStop, err)
	require.Len(t, f.requests(), 1)
}

// TestUsersByLinkComparesExactly: the service may not mind case, and may need more than one page.
func TestUsersByLinkComparesExactly(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("$skiptoken") == "" {
			reply(w, 200, nil, fmt.Sprintf(`{"value":[{"id":"1","userPrincipalName":"x","%[1]s":"c/R/1"},{"id":"2","userPrincipalName":"x","%[1]s":"c/r/1"}],"@odata.nextLink":"%[2]s/v1.0/users?$skiptoken=x"}`, selection.LinkProperty, f.URL))
			return
		}
		reply(w, 200, nil, fmt.Sprintf(`{"value":[{"id":"3","userPrincipalName":"x","%s":"c/r/1"}]}`, selection.LinkProperty))
	}
	found, err := f.client(t).UsersByLink(context.Background(), "c/r/1", selection)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, "2", found[0].ID)
	require.Equal(t, "3", found[1].ID)
}

// Two pages that lead to each other have no end.
func TestPagesThatLeadInACircle(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("$skiptoken"), "p%d", &n)
		reply(w, 200, nil, fmt.Sprintf(`{"@odata.nextLink":"%s/v1.0/users?$skiptoken=p%d","value":[{"id":"a%d","userPrincipalName":"a%d@contoso.com"}]}`, f.URL, n%2+1, n, n))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := f.client(t).ListUsers(ctx, selection, collect(new([]string)), nil)
	require.True(t, fault.Is(err, fault.UnexpectedAnswer), "%v after %d requests", err, len(f.requests()))
}
