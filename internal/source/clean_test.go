package source_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/source"
)

// What looks the same is the same, wherever it came from.
func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "",
		"Sales":                 "Sales",
		" Sales ":               "Sales",
		"Sales\u00a0":           "Sales",
		"\u200bSales\u200b":     "Sales",
		"\ufeff\ufeffSales":     "Sales",
		"Sales\r":               "Sales",
		"\u2060\u3000Sales\t":   "Sales",
		"Zu\u0308rich":          "Zürich",
		"Zürich":                "Zürich",
		" inside  spaces ":      "inside  spaces",
		"in\u00a0side":          "in side",
		"two\nlines\n":          "two\nlines",
		"\u00a0\u200b":          "",
		"👩🏽‍🚀":                  "👩🏽‍🚀",
		"🏴\U000E0067\U000E007F": "🏴\U000E0067\U000E007F",
	} {
		require.Equal(t, want, source.Clean(text), "%q", text)
	}
	require.Equal(t, []any{"a", int64(1), map[string]any{"b": "c"}}, source.CleanValue([]any{" a", int64(1), map[string]any{"b": "c\u200b"}}))
}
