package file_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

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

// groups is the suite of groups for files of one kind.
func groups(write func(t *testing.T, people []sourcetest.Person, memberOf map[string][]string) (name string, text []byte)) sourcetest.Groups {
	file := func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) (string, []byte) {
		in := map[string][]string{}
		for _, g := range groups {
			for _, person := range g.People {
				in[person] = append(in[person], g.Name)
			}
		}
		return write(t, people, in)
	}
	return sourcetest.Groups{
		Flat: true, WhileNamed: true,
		Open: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) source.Source {
			name, text := file(t, people, groups)
			return open(t, settled(t, name, text))
		},
		Cut: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group, _ string) source.Source {
			name, text := file(t, people, groups)
			return open(t, settled(t, name, text[:len(text)/2]))
		},
	}
}

func TestConformanceOfGroupsCSV(t *testing.T) {
	t.Parallel()
	sourcetest.RunGroups(t, groups(func(t *testing.T, people []sourcetest.Person, memberOf map[string][]string) (string, []byte) {
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		require.NoError(t, w.Write([]string{"id", "enabled", "memberOf", "givenName"}))
		for _, p := range people {
			require.NoError(t, w.Write([]string{p.ID, p.Enabled, strings.Join(memberOf[p.ID], " ; "), p.Fields["givenName"]}))
		}
		w.Flush()
		return "people.csv", text.Bytes()
	}))
}

func TestConformanceOfGroupsJSON(t *testing.T) {
	t.Parallel()
	sourcetest.RunGroups(t, groups(func(t *testing.T, people []sourcetest.Person, memberOf map[string][]string) (string, []byte) {
		objects := objectsOf(people)
		for i, o := range objects {
			o["memberOf"] = memberOf[people[i].ID]
			if i%2 == 1 {
				o["memberOf"] = strings.Join(memberOf[people[i].ID], ";")
			}
		}
		text, err := json.Marshal(objects)
		require.NoError(t, err)
		return "people.json", text
	}))
}

func TestConformanceOfGroupsExcel(t *testing.T) {
	t.Parallel()
	suite := groups(func(t *testing.T, people []sourcetest.Person, memberOf map[string][]string) (string, []byte) {
		return "people.xlsx", workbook(t, func(f *excelize.File, sheet string) {
			w, err := f.NewStreamWriter(sheet)
			require.NoError(t, err)
			require.NoError(t, w.SetRow("A1", []any{"id", "enabled", "memberOf"}))
			for i, p := range people {
				require.NoError(t, w.SetRow("A"+strconv.Itoa(i+2), []any{p.ID, p.Enabled, strings.Join(memberOf[p.ID], ";")}))
			}
			require.NoError(t, w.Flush())
		})
	})
	sourcetest.RunGroups(t, suite)
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
