package suggest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/suggest"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"filter", "mappings", "syncEvery", "name"}
	for word, want := range map[string]string{
		"filtre":    "filter",
		"Filter":    "filter",
		"mapping":   "mappings",
		"syncevery": "syncEvery",
		"nmae":      "name",
		"x":         "",
		"password":  "",
		"":          "",
	} {
		require.Equal(t, want, suggest.Nearest(word, words), word)
	}
	require.Equal(t, `; did you mean "filter"?`, suggest.DidYouMean("fliter", words))
	require.Empty(t, suggest.DidYouMean("zebra", words))
}
