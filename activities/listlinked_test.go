package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
)

// The pages of one list hold everybody once, in order, and come from memory until nobody has asked for long.
func TestPagesOfAListHoldEverybodyOnce(t *testing.T) {
	t.Parallel()
	found := []api.LinkedAccount{{User: "c"}, {User: "a"}, {User: "e"}, {User: "b"}, {User: "d"}}
	sortLinked(found)
	var lists linkedLists
	now := time.Now()
	lists.put("run/5", linkedList{accounts: found, counts: api.ListLinkedResult{Linked: 7, Deprovisioned: 2}}, now)
	var got []string
	for page, after := 0, ""; ; page++ {
		require.Less(t, page, 3)
		list, ok := lists.get("run/5", now.Add(time.Duration(page)*planAge))
		require.True(t, ok)
		r := list.counts
		cutPage(&r, list.accounts, api.ListLinkedInput{After: after, Limit: 2})
		require.Equal(t, []int{7, 2}, []int{r.Linked, r.Deprovisioned})
		for _, a := range r.Accounts {
			got = append(got, a.User)
			after = a.User
		}
		if r.Last {
			break
		}
	}
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, got)

	lists.put("run/9", linkedList{}, now.Add(4*planAge))
	_, ok := lists.get("run/5", now.Add(4*planAge))
	require.False(t, ok, "a list that nobody asks for any more is still kept")
	_, ok = lists.get("", now)
	require.False(t, ok)
}
