package expression

import (
	"math"
	"testing"
	"unicode"

	"cel.dev/cel-go/common/types"
	"github.com/stretchr/testify/require"
)

func TestWordHasNoLastButTheFarthest(t *testing.T) {
	t.Parallel()
	require.Equal(t, types.String(""), nthWord("a b", math.MinInt64, unicode.IsSpace))
	require.Equal(t, types.String("a"), nthWord("a b", -2, unicode.IsSpace))
}
