package file_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// grouped opens a file with groups.
func grouped(t testing.TB, name, text, settings string) source.GroupReader {
	s := file.Settings{}
	if t, ok := t.(*testing.T); ok {
		s = settingsOf(t, settings)
	}
	s.File = settled(t, name, []byte(text))
	opened, err := file.Open(s, file.Options{})
	require.NoError(t, err)
	return opened.(source.GroupReader)
}

// inAll gives everybody in the groups that there are, as "group: people".
func inAll(t *testing.T, s source.GroupReader) []string {
	t.Helper()
	all, err := s.Groups(t.Context())
	require.NoError(t, err)
	var ids, lines []string
	for _, g := range all {
		require.Equal(t, g.Name, g.ID)
		ids = append(ids, g.ID)
	}
	require.NoError(t, s.Memberships(t.Context(), ids, func(m source.Membership) error {
		require.NoError(t, m.Err)
		lines = append(lines, m.Group.Name+": "+strings.Join(m.People, " "))
		return nil
	}))
	return lines
}

func TestGroupsOfAFile(t *testing.T) {
	t.Parallel()
	want := []string{"007: 3", "R&D: 1 2", "Zoë: 1"}
	for _, c := range []struct{ name, text, settings string }{
		{"a.csv", "id,memberOf\n1,R&D; Zoe\u0308 ;R&D;;\n2,R&D\n3,007\n4,\n5, ; \n", ""},
		{"a.csv", "id;groups\n1;\"R&D;Zoë\"\n2;R&D\n3;007\n", `{"memberOf": "groups"}`},
		{"a.json", `[{"id":1,"memberOf":["R&D","Zoë"," R&D",""]},{"id":2,"memberOf":"R&D"},{"id":3,"memberOf":["007"]},{"id":4},{"id":5,"memberOf":null}]`, ""},
		{"a.json", `[{"id":1,"hr":{"groups":["R&D","Zoë"]}},{"id":2,"hr":{"groups":"R&D"}},{"id":3,"hr":{"groups":["007"]}},{"id":4,"hr":{}},{"id":5}]`, `{"memberOf": "hr.groups"}`},
		{"a.jsonl", "{\"id\":1,\"memberOf\":[\"R&D\",\"Zoë\"]}\n{\"id\":2,\"memberOf\":\"R&D\"}\n{\"id\":3,\"memberOf\":\"007\"}\n", ""},
		{"a.csv", "id,kind,memberOf\n1,x,R&D;Zoë\n2,x,R&D\n3,x,007\n4,y,Other\n", `{"rows": "user.kind == \"x\""}`},
	} {
		s := grouped(t, c.name, c.text, c.settings)
		require.Equal(t, want, inAll(t, s), c.text)
		in, err := s.MembershipsOf(t.Context(), "1", []string{"Zoë", "007", "R&D", "Zo"})
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"R&D", "Zoë"}, in)
		for _, nobody := range []string{"4", "5", "6"} {
			in, err := s.MembershipsOf(t.Context(), nobody, []string{"R&D", ""})
			require.NoError(t, err)
			require.Empty(t, in, "an empty cell is in no group")
		}
	}
	// Numbers are names, too.
	require.Equal(t, []string{"7: 1"}, inAll(t, grouped(t, "a.json", `[{"id":1,"memberOf":[7]},{"id":2,"memberOf":7,"x":1},{"id":3,"memberOf":[]}]`, `{"rows": "user.id != 2"}`)))
}

// A file that says nothing of groups is not one in which nobody is in a group.
func TestAColumnOfGroupsThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, settings, want string }{
		{"a.csv", "id,memberof\n1,R&D\n", "", "a.csv (column memberOf) Did you mean memberof? It has id, memberof"},
		{"a.csv", "id,memberOf,memberOf\n1,R&D,R&D\n", "", "a.csv (column memberOf stands in the header more than once; rename all but one)"},
		{"a.csv", "id,memberOf\n1,R&D\n", `{"memberOf": "groups"}`, "a.csv (column groups) It has id, memberOf"},
		{"a.json", `[{"id":1,"groups":["R&D"]}]`, "", "a.json (column memberOf) It has groups, id"},
		{"a.json", `[{"id":1,"hr":{}}]`, `{"memberOf": "hr.groups"}`, "a.json (column hr.groups) It has hr, id"},
	} {
		s := grouped(t, c.name, c.text, c.settings)
		_, err := s.Groups(t.Context())
		require.True(t, fault.Is(err, fault.SourceColumnMissing), "got %v", err)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.Equal(t, c.want, hinted(err))
		err = s.Memberships(t.Context(), []string{"R&D"}, func(source.Membership) error { return nil })
		require.True(t, fault.Is(err, fault.SourceColumnMissing), "got %v", err)
		if !strings.Contains(c.settings, "hr.") {
			_, err = s.MembershipsOf(t.Context(), "1", []string{"R&D"})
			require.True(t, fault.Is(err, fault.SourceColumnMissing), "got %v", err)
		}
	}
	all, err := grouped(t, "a.json", "[]", "").Groups(t.Context())
	require.NoError(t, err, "an empty list of people has no columns at all")
	require.Empty(t, all)
}

func TestWhatIsNoNameOfAGroup(t *testing.T) {
	t.Parallel()
	const note = " (column memberOf must have the names of groups: a list of texts, or a text with semicolons between)"
	s := grouped(t, "a.json", "[{\"id\":1,\"memberOf\":[{\"name\":\"secret\"}]},\n{\"id\":2,\"memberOf\":[\"R&D\"]},\n{\"id\":3,\"memberOf\":true},\n{\"id\":4,\"memberOf\":[false]},\n{\"id\":5,\"memberOf\":{}}]", "")
	_, err := s.Groups(t.Context())
	require.True(t, fault.Is(err, fault.SourceMalformed), "got %v", err)
	require.Equal(t, "a.json, lines 1, 3, 4, 5"+note, fault.Of(err).Subject)
	require.Error(t, s.Memberships(t.Context(), []string{"R&D"}, func(source.Membership) error { return nil }))
	_, err = s.MembershipsOf(t.Context(), "3", []string{"R&D"})
	require.Equal(t, "a.json, line 3"+note, fault.Of(err).Subject)
	in, err := s.MembershipsOf(t.Context(), "2", []string{"R&D"})
	require.NoError(t, err)
	require.Equal(t, []string{"R&D"}, in)
}

// Where the last line of a file has no end, nobody knows who else was in a group.
func TestGroupsOfAFileThatMayBeCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		names []string
		// people are those of Sales.
		people []string
		// known: what the last person is in is certain.
		known bool
	}{
		{"id,memberOf\n1,Sales\n2,Sales", []string{"Sales"}, []string{"1", "2"}, false},
		{"id,memberOf\n1,Sales\n2,app-x;Sal", []string{"Sales", "app-x"}, []string{"1"}, false},
		{"id,memberOf\n1,Sales\n2,Sales;", []string{"Sales"}, []string{"1", "2"}, true},
		{"id,memberOf,name\n1,Sales,a\n2,Sales;Sal,b", []string{"Sal", "Sales"}, []string{"1", "2"}, true},
		{"id,memberOf\n1,Sales\n2,\"Sales;Sal\"", []string{"Sal", "Sales"}, []string{"1", "2"}, true},
	} {
		s := grouped(t, "a.csv", c.text, "")
		all, err := s.Groups(t.Context())
		require.NoError(t, err)
		var names []string
		for _, g := range all {
			names = append(names, g.Name)
		}
		require.Equal(t, c.names, names, "what may be half a name is no group: %q", c.text)
		require.NoError(t, s.Memberships(t.Context(), []string{"Sales", "Nobody"}, func(m source.Membership) error {
			if m.Group.ID == "Nobody" {
				require.True(t, fault.Is(m.Err, fault.GroupNotFound))
				return nil
			}
			require.True(t, fault.Is(m.Err, fault.SourceEndUnknown), "got %v", m.Err)
			require.Equal(t, fault.Refused, fault.KindOf(m.Err))
			require.Equal(t, c.people, m.People)
			return nil
		}))
		_, err = s.MembershipsOf(t.Context(), "2", []string{"Sales"})
		require.Equal(t, !c.known, fault.Is(err, fault.SourceEndUnknown), "got %v", err)
		in, err := s.MembershipsOf(t.Context(), "1", []string{"Sales"})
		require.NoError(t, err)
		require.Equal(t, []string{"Sales"}, in)
	}
}

func TestMemberOfSetting(t *testing.T) {
	t.Parallel()
	var said []string
	s := settingsOf(t, `{"file": "/a.csv", "memberOf": "number", "id": "number"}`)
	s.Check(source.Report{Problem: func(key, message string) { said = append(said, key+": "+message) }, Warning: func(string, string) {}})
	require.Equal(t, []string{"memberOf: this is the column of the ids; name the one with the names of a person's groups"}, said)
	plain, written, other := file.At("/a.csv"), settingsOf(t, `{"file": "/a.csv", "memberOf": "memberOf"}`), settingsOf(t, `{"file": "/a.csv", "memberOf": "groups"}`)
	require.Equal(t, plain.Key(), written.Key())
	require.NotEqual(t, plain.Key(), other.Key())
	require.Equal(t, source.IdentityOf(plain), source.IdentityOf(&other), "the column may change")
}

// The memberships of 100,000 people in 5 groups each are ids and references to them.
func TestMembershipsAreCompact(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory")
	}
	const people = 100_000
	var text strings.Builder
	text.WriteString("id,name,memberOf\n")
	for i := range people {
		fmt.Fprintf(&text, "E%06d,%s,", i, strings.Repeat("n", 200))
		for g := range 5 {
			fmt.Fprintf(&text, "Group %d;", (i+g*7)%50)
		}
		text.WriteString("\n")
	}
	s := grouped(t, "a.csv", text.String(), "")
	var ids []string
	for g := range 50 {
		ids = append(ids, fmt.Sprintf("Group %d", g))
	}
	var held [][]string
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	members := 0
	require.NoError(t, s.Memberships(t.Context(), ids, func(m source.Membership) error {
		held = append(held, m.People)
		members += len(m.People)
		return nil
	}))
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Equal(t, 5*people, members)
	used := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d MB", used>>20)
	// 16 bytes a reference and an id of 8, and as much again for slices that have grown.
	require.Less(t, used, int64(24<<20), "the texts of whole records are kept")
	runtime.KeepAlive(held)
}
