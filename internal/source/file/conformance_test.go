package file_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

func TestConformanceCSV(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source {
		return open(t, settled(t, "people.csv", csvOf(t, people)))
	})
}

func TestConformanceJSON(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source {
		return open(t, settled(t, "people.json", jsonOf(t, people)))
	})
}

func TestConformanceJSONLines(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source {
		if len(people) == 0 {
			t.Skip("an empty file of JSON lines is refused")
		}
		var lines bytes.Buffer
		for _, object := range objectsOf(people) {
			require.NoError(t, json.NewEncoder(&lines).Encode(object))
		}
		return open(t, settled(t, "people.jsonl", lines.Bytes()))
	})
}

func csvOf(t testing.TB, people []sourcetest.Person) []byte {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	require.NoError(t, w.Write(append([]string{"id", "enabled"}, sourcetest.Columns...)))
	for _, p := range people {
		cells := []string{p.ID, p.Enabled}
		for _, name := range sourcetest.Columns {
			cells = append(cells, p.Fields[name])
		}
		require.NoError(t, w.Write(cells))
	}
	w.Flush()
	return text.Bytes()
}

func jsonOf(t testing.TB, people []sourcetest.Person) []byte {
	text, err := json.Marshal(objectsOf(people))
	require.NoError(t, err)
	return text
}

// objectsOf leaves empty columns out for every second person and writes null for the others; the first person of each
// store has all.
func objectsOf(people []sourcetest.Person) []map[string]any {
	objects := make([]map[string]any, len(people))
	for i, p := range people {
		o := map[string]any{"id": p.ID}
		switch p.Enabled {
		case sourcetest.Enabled:
			o["enabled"] = true
		case sourcetest.Disabled:
			o["enabled"] = false
		default:
			o["enabled"] = p.Enabled
		}
		for _, name := range sourcetest.Columns {
			if v := p.Fields[name]; v != "" {
				o[name] = v
			} else if name != "department" {
				o[name] = nil
			}
		}
		objects[i] = o
	}
	return objects
}

// settled writes a file whose modification time lies in the past, as that of most files does.
func settled(t testing.TB, name string, text []byte) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	past := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, past, past))
	return path
}

func open(t testing.TB, path string) source.Source {
	s, err := file.Open(file.Settings{File: path}, file.Options{})
	require.NoError(t, err)
	return s
}
