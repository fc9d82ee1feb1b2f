package docs_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
)

var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")

// Every example gives what the page says.
func TestExpressionsGiveWhatThePageSays(t *testing.T) {
	t.Parallel()
	page := read(t, "expressions.md")
	record := source.Record{ID: "10023", Enabled: true}
	require.NoError(t, json.Unmarshal([]byte(jsonBlock.FindStringSubmatch(page)[1]), &record.Fields))
	record.Fields["grade"] = int64(record.Fields["grade"].(float64))
	columns := source.Columns{Typed: true}
	for name := range record.Fields {
		columns.Names = append(columns.Names, name)
	}
	scope := expression.Scope{Known: true, Columns: columns, Tables: expression.Tables{"countries": {"Germany": "DE"}}}
	tried := 0
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(strings.ReplaceAll(line, `\|`, "¦")), "|"), "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "user.") && !strings.Contains(cells[1], "formatDate") {
			continue
		}
		text, want := strings.Trim(strings.TrimSpace(cells[1]), "`"), strings.Trim(strings.TrimSpace(cells[2]), "`")
		e, problems := expression.Compile(text, expression.Text, scope)
		require.Empty(t, problems, text)
		got, err := e.Text(&expression.Person{Record: record})
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		tried++
	}
	require.Greater(t, tried, 20)
}
