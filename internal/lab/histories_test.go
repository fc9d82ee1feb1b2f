package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What must be found is found: the search for names and secrets sees through the encoding of payloads.
func TestReadableDecodesPayloads(t *testing.T) {
	t.Parallel()
	got := Readable([]byte(`{"input":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"eyJuYW1lIjoienF4dmsifQ=="}]}}`))
	require.Len(t, Finds(got, [][]byte{[]byte("ZQXVK"), []byte("nobody")}), 1)
}
