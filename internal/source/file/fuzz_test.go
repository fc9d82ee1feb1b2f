package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// FuzzGetEqualsList: whatever a file holds, a single read says the same of it as a read of everybody, and every failure
// has a reason from the catalogue that a person can act on.
func FuzzGetEqualsList(f *testing.F) {
	for _, text := range []string{
		"id,enabled,n\n1,yes,a\n\n2,no,\"b\n\"\"c\"\"\"\r\n3,?,\n", "\ufeffid;n\n1;a\n1;b\n", "id\tn\n\"1\"\tä\n", "id,\"n\n", "id\r1\r",
		`[{"id":"1","o":{"a":[1,2.5,null]},"enabled":true},` + "\n" + `{"id":2}]`, `[]`, `[{"id":1},]`, "{\"id\":1}\n{\"id\":\"}\"}\n", `[{"id":"\ud800"}]`,
	} {
		for format := range 3 {
			f.Add([]byte(text), format)
		}
	}
	names := []string{"p.csv", "p.json", "p.jsonl"}
	f.Fuzz(func(t *testing.T, text []byte, format int) {
		path := filepath.Join(t.TempDir(), names[uint(format)%3])
		require.NoError(t, os.WriteFile(path, text, 0o600))
		s := open(t, path)
		var all []source.Record
		snapshot, err := s.List(t.Context(), func(r source.Record) error {
			all = append(all, r)
			return nil
		})
		if err != nil {
			require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
			_, _, got := s.Get(t.Context(), "1")
			require.Equal(t, err.Error(), got.Error())
			return
		}
		require.Equal(t, snapshot.Count, len(all))
		for _, want := range all {
			got, at, err := s.Get(t.Context(), want.ID)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, snapshot, at)
		}
	})
}
