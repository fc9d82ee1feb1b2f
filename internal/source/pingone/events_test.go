package pingone_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

const userEvent = `{"id":"e1","recordedAt":"2026-11-27T12:00:00Z","_embedded":{},"actors":{"user":{"id":"admin","name":"root","type":"USER"}},"action":{"type":"USER.UPDATED"},
"resources":[{"type":"USER","id":"u1","name":"ann@example.com","environment":{"id":"ENV"},"population":{"id":"p"},"href":"https://api.pingone.eu/v1/environments/ENV/users/u1"}],"result":{"status":"SUCCESS"}}`

const memberEvent = `{"id":"e2","actors":{"user":{"id":"admin"}},"action":{"type":"MEMBER_OF_GROUP.CREATED"},
"resources":[{"type":"MEMBER_OF_GROUP","id":"m1","name":"Sales","href":"https://api.pingone.eu/v1/environments/ENV/users/u2/memberOfGroups/g1"}],"result":{"status":"SUCCESS"}}`

func TestEvents(t *testing.T) {
	t.Parallel()
	flat := strings.ReplaceAll
	want := []source.Event{{ID: "e1", Source: "ENV", Person: "u1"}, {ID: "e2", Source: "ENV", Person: "u2"}}
	for name, body := range map[string]string{
		"an array":          "[" + userEvent + "," + memberEvent + "]",
		"one a line":        flat(userEvent, "\n", "") + "\n" + flat(memberEvent, "\n", "") + "\n",
		"one after another": userEvent + memberEvent,
	} {
		events, err := pingone.Store.Events([]byte(body))
		require.NoError(t, err, name)
		require.Equal(t, want, events.Told, name)
		require.Empty(t, events.Unknown)
	}
	for what, c := range map[string]struct {
		body    string
		told    int
		unknown int
	}{
		"nothing":           {"[]", 0, 0},
		"a failure":         {flat(userEvent, "SUCCESS", "FAILURE"), 0, 0},
		"no actors":         {flat(userEvent, "actors", "x"), 1, 0},
		"a sign-in":         {flat(userEvent, "USER.UPDATED", "USER.ACCESS_ALLOWED"), 0, 1},
		"a schema":          {flat(userEvent, "USER.UPDATED", "SCHEMA_ATTRIBUTE.CREATED"), 0, 1},
		"a group":           {flat(userEvent, "USER.UPDATED", "GROUP.UPDATED"), 1, 0},
		"a nested group":    {flat(memberEvent, "users/u2", "groups/g2"), 1, 0},
		"a population":      {flat(userEvent, "USER.UPDATED", "POPULATION.DELETED"), 1, 0},
		"without resources": {`{"id":"e","action":{"type":"USER.UPDATED"}}`, 0, 1},
		"without anything":  {`{}`, 0, 1},
		"an endless id":     {flat(userEvent, `"id":"u1"`, `"id":"`+strings.Repeat("u", 1000)+`"`), 0, 1},
	} {
		events, err := pingone.Store.Events([]byte(c.body))
		require.NoError(t, err, what)
		require.Len(t, events.Told, c.told, what)
		require.Len(t, events.Unknown, c.unknown, what)
	}
	for _, body := range []string{`{"id":`, `[{"id":"e1"},`, `"text"`, `[1]`} {
		_, err := pingone.Store.Events([]byte(body))
		require.Equal(t, fault.SourceMalformed, fault.Of(err).Reason, body)
	}
}
