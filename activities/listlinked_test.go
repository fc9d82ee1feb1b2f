package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
)

// The pages of one list hold everybody once, in order; two accounts that carry one person's link stand on one page.
func TestPagesOfAListHoldEverybodyOnce(t *testing.T) {
	t.Parallel()
	found := []api.LinkedAccount{{User: "c"}, {User: "a"}, {User: "e"}, {User: "b", AccountID: "2"}, {User: "b", AccountID: "1"}, {User: "d"}}
	sortLinked(found)
	list := linkedList{accounts: found, counts: api.ListLinkedResult{Linked: 7, Deprovisioned: 2}}
	var got []string
	for pages, after, last := 0, "", false; !last; pages++ {
		require.Less(t, pages, 3)
		r := list.page(after, 2)
		require.Equal(t, []int{7, 2}, []int{r.Linked, r.Deprovisioned})
		require.Equal(t, len(found)-len(got), r.Remaining)
		for _, a := range r.Accounts {
			got = append(got, a.User+a.AccountID)
			after = a.User
		}
		last = r.Last
	}
	require.Equal(t, []string{"a", "b1", "b2", "c", "d", "e"}, got)
	require.True(t, linkedList{}.page("", 2).Last)
}
