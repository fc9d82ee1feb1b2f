package file_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// settingsOf reads the settings as they stand below `source:`.
func settingsOf(t *testing.T, text string) file.Settings {
	var s file.Settings
	if text == "" {
		return s
	}
	source.Decode(json.RawMessage(text), &s, source.Report{
		Problem: func(key, message string) { require.Fail(t, message, key) },
		Unknown: func(key string, _ []string) { require.Fail(t, "no such key", key) },
	})
	return s
}

// hinted is an error's subject with what is said to whoever has the file before them.
func hinted(err error) string {
	var hint source.Hint
	errors.As(err, &hint)
	return strings.TrimSuffix(fault.Of(err).Subject+" "+string(hint), " ")
}

// refused makes sure that neither a listing nor a single read gives anybody, and gives the subject.
func refused(t *testing.T, name, text string, settings file.Settings, reason fault.Reason) string {
	t.Helper()
	_, snapshot, err := read(t, name, text, settings)
	require.True(t, fault.Is(err, reason), "got %v", err)
	require.Zero(t, snapshot)
	return hinted(err)
}

// A quote that is lost, and found again, swallows people, who would then seem to have left.
func TestALostQuoteSwallowsNobody(t *testing.T) {
	t.Parallel()
	const note = " (a quoted field holds the beginning of another record; is a quote missing?)"
	for name, c := range map[string]struct{ text, lines string }{
		"in the next record":        {"id,username,name,dept\n1003,u03,\"Person 03,Sales\n1004,u04,Person 04\",Sales\n", "lines 2 to 3"},
		"two columns":               {"id,name\n1,a\n2,\"Person 2\n3,Person 3\"\n", "lines 3 to 4"},
		"with a blank line within":  {"id,a,b,c,d\n1,x,\"y,z,w\n\n2,x,y\",z,w\n", "lines 2 to 4"},
		"records later":             {"id,a,b\n1,\"x,y\n2,x,y\n3,x,y\n4,x\",y\n5,x,y\n", "lines 2 to 5"},
		"the id is the last column": {"name,id\n\"Person 3,3\nPerson 4\",4\nx,5\n", "lines 2 to 3"},
		"the id is in the middle":   {"a,id,b\nx,E1,\"y\nx,E2,z\"\n", "lines 2 to 3"},
		"behind lines of its own":   {"id,street,b\n1,\"Main Street 1\nSpringfield,x\n2,Side Street\",y\n", "lines 2 to 4"},
		"semicolons":                {"id;name;dept\n1;\"Lee, Ann;Sales\n2;Ray, Bob\";Sales\n", "lines 2 to 3"},
		"a UUID":                    {"id,name\n0c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f70,\"a\n1c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f71,b\"\n", "lines 2 to 3"},
	} {
		require.Equal(t, "p.csv, "+c.lines+note, refused(t, "p.csv", c.text, file.Settings{}, fault.SourceMalformed), name)
	}
	for name, text := range map[string]string{
		"an address":                "id,street,dept\n1003,\"Main Street 1\nSpringfield\",Sales\n1004,x,Sales\n",
		"an address with commas":    "id,street,dept\n1003,\"Main Street 1,\nSpringfield, IL\",Sales\n1004,x,Sales\n",
		"with a postcode":           "id,street\nE1003,\"Main Street 1\n12345 Springfield, IL\"\nE1004,x\n",
		"with a blank line":         "id,street,dept\n1003,\"Main Street 1\n\nSpringfield\",Sales\n1004,x,Sales\n",
		"a note with a list":        "id,note\n1003,\"knows:\n- French\n- German\n\"\n1004,x\n",
		"a line end before a quote": "id,street\n1003,\"Main Street 1\n\"\n1004,x\n",
	} {
		all, _, err := read(t, "p.csv", text, file.Settings{})
		require.NoError(t, err, name)
		require.Len(t, all, 2, name)
	}
}

// A header line below the header is nobody, whatever its case, and however it differs in other columns.
func TestASecondHeaderIsNobody(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"p.csv":  "status,userid,username\nA,1,x\nSTATUS,USERID,Username,\n",
		"q.csv":  "status,userid,username\nA,1,x\nSTATUS,USERID,Username\n",
		"p.json": `[{"userid":"1"},` + "\n\n" + `{"userid":"UserID"}]`,
	} {
		require.Contains(t, refused(t, name, text, file.Settings{ID: "userid"}, fault.SourceMalformed), name+", line 3 (")
	}
}

// What a spreadsheet or a database put where an id belongs is no person.
func TestWhatIsNoID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#NV", "--", "-------", "****", "."} {
		require.Contains(t, refused(t, "p.csv", "id,name\n1,a\n"+id+",b\n", file.Settings{}, fault.SourceMalformed), "line 3 (", id)
	}
	_, _, err := read(t, "p.csv", "id,name\n#1,a\nNV,b\n-2,c\n山田,d\n", file.Settings{})
	require.NoError(t, err)
}

// Pages by number, and totals that are written as texts, tell of a part, too.
func TestPagesOfADocument(t *testing.T) {
	t.Parallel()
	const people = `"data":[{"id":"1"}]`
	for _, beside := range []string{
		`"total":"5"`, `"page":2`, `"page":1,"pages":3`, `"currentPage":2`, `"pageNumber":3`, `"page":{"number":2}`, `"pageCount":"2"`, `"meta":{"last_page":4}`,
		`"total_pages":2`, `"startIndex":"2"`,
	} {
		got := refused(t, "p.json", "{"+beside+","+people+"}", file.Settings{Records: "data"}, fault.SourceIncomplete)
		require.Contains(t, got, "only a part", beside)
	}
	for _, beside := range []string{`"total":"1"`, `"page":1,"pages":1`, `"page":0`, `"page":1`, `"page":{"number":1,"totalPages":1}`, `"pageSize":100`, `"total":"x"`, `"lastPage":true`, `"last_page":1`} {
		_, _, err := read(t, "p.json", "{"+beside+","+people+"}", file.Settings{Records: "data"})
		require.NoError(t, err, beside)
	}
}

// A column that is enabled in all but its letters, or stands twice, is not passed over: whoever it disables would be created
// enabled.
func TestEnabledUnderAlmostItsName(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"p.csv": "id,Enabled\n1,false\n", "p.tsv": "id\tENABLED\n1\tfalse\n", "p.txt": "id,enabled,enabled\n1,false,false\n",
		"p.json": `[{"id":"1","Enabled":false}]`, "p.jsonl": `{"id":"1","Enabled":false}` + "\n",
	} {
		require.Contains(t, refused(t, name, text, file.Settings{}, fault.SourceColumnMissing), "column enabled", name)
	}
	for _, settings := range []string{`{"enabled":"Enabled"}`, `{"enabled":false}`, `{"enabled":"user.Enabled == 'true'"}`} {
		_, _, err := read(t, "p.csv", "id,Enabled\n1,true\n", settingsOf(t, settings))
		require.NoError(t, err, settings)
	}
	_, _, err := read(t, "p.csv", "id,Enabled,enabled\n1,x,true\n", file.Settings{})
	require.NoError(t, err, "the exact name is there")
}

// Only words that mean one thing are read; a rule can name others, take an expression, or leave the column alone.
func TestEnabledByOtherWords(t *testing.T) {
	t.Parallel()
	const text = "id,STATUS\n1,A\n2,T\n3,L\n"
	states := func(settings, text string) (states []string) {
		all, _, err := read(t, "p.csv", text, settingsOf(t, settings))
		require.NoError(t, err)
		for _, r := range all {
			state := fmt.Sprint(r.Enabled)
			if r.EnabledErr != nil {
				state = string(fault.Of(r.EnabledErr).Reason)
			}
			states = append(states, state)
		}
		return states
	}
	require.Equal(t, []string{"enabled_unreadable", "enabled_unreadable", "enabled_unreadable"}, states(`{"enabled":"STATUS"}`, text))
	require.Equal(t, []string{"true", "false", "enabled_unreadable"}, states(`{"enabled":{"column":"STATUS","true":["a"],"false":["T"]}}`, text))
	require.Equal(t, []string{"true", "false", "true"}, states(`{"enabled":"user.STATUS in ['A', 'L']"}`, text))
	require.Equal(t, []string{"true", "false", "true"}, states(`{"enabled":{"expression":"user.STATUS != 'T'"}}`, text))
	require.Equal(t, []string{"true", "false"}, states(`{"enabled":{"true":["WAHR"],"false":["FALSCH"]}}`, "id,enabled\n1,WAHR\n2,falsch\n"))
	require.Equal(t, []string{"enabled_unreadable", "enabled_unreadable"}, states(``, "id,enabled\n1,WAHR\n2,FALSCH\n"))
	require.Equal(t, []string{"true", "true"}, states(`{"enabled":false}`, "id,enabled\n1,WAHR\n2,FALSCH\n"))
	require.Equal(t, []string{"true", "false"}, states(`{"enabled":{"column":"n","true":[1],"false":[2]}}`, "id,n\n1,1\n2,2\n"))
	meaning, advice := fault.EnabledUnreadable.Parts()
	require.Contains(t, meaning+advice, "source.enabled", "the message names the way out")

	s, err := file.Open(file.Settings{File: settled(t, "p.csv", []byte(text)), Enabled: file.Enabled{Expression: "user.STATE == 'A'"}}, file.Options{})
	require.NoError(t, err)
	_, err = s.Columns(t.Context())
	require.True(t, fault.Is(err, fault.SourceColumnMissing))
	require.Contains(t, hinted(err), `(source.enabled)`)
	require.Contains(t, hinted(err), `the source has no column "STATE"; it has STATUS`)
}

func TestEnabledSettings(t *testing.T) {
	t.Parallel()
	for text, again := range map[string]string{
		`{"enabled":"STATUS"}`: "", `{"enabled":false}`: "", `{}`: "", `{"enabled":{"column":"S","true":["A","1"],"false":["T"]}}`: "",
		`{"enabled":"user.a == 'b'"}`:                             `{"enabled":{"expression":"user.a == 'b'"}}`,
		`{"enabled":{"column":"user.active"}}`:                    "",
		`{"enabled":{"column":"S","true":[1, true],"false":[0]}}`: `{"enabled":{"column":"S","true":["1","true"],"false":["0"]}}`,
	} {
		wire, err := json.Marshal(settingsOf(t, text))
		require.NoError(t, err)
		if again == "" {
			again = text
		}
		require.JSONEq(t, again, string(wire))
		require.Equal(t, settingsOf(t, text), settingsOf(t, string(wire)), "the settings survive the wire")
	}
	for _, text := range []string{`true`, `5`, `""`, `{}`, `{"colum":"x"}`, `["a"]`, `null`} {
		var e file.Enabled
		require.Error(t, e.UnmarshalJSON([]byte(text)), text)
	}
	for text, problem := range map[string]string{
		`{"file":"/p.csv","enabled":{"true":["A"]}}`:                                            "enabled: it has the words for one",
		`{"file":"/p.csv","enabled":{"true":["A"],"false":["a"]}}`:                              "enabled: a word stands for true and for false",
		`{"file":"/p.csv","enabled":{"column":"x","expression":"user.x == 'y'"}}`:               "enabled: it has an expression and a column",
		`{"file":"/p.csv","id":"x","enabled":"x"}`:                                              "enabled: the same column",
		`{"file":"/p.csv","records":"a"}`:                                                       "records: it is for .json files only",
		`{"file":"/p.json","sheet":"a","delimiter":";","skipLines":1}`:                          "delimiter: it is for CSV files only sheet: it is for .xlsx files only skipLines: it is for CSV and .xlsx files only",
		`{"file":"/p.csv","delimiter":"||"}`:                                                    "delimiter: it is not one character",
		`{"file":"/p.csv","encoding":"klingon"}`:                                                "encoding: there is no encoding of this name",
		`{"file":"/p.csv","skipLines":-1}`:                                                      "skipLines: this is a number of lines",
		`{"file":"/p.csv","delimiter":"tab","encoding":"windows-1252","enabled":"user.a=='b'"}`: "",
	} {
		s := settingsOf(t, text)
		var found []string
		s.Check(source.Report{Problem: func(key, message string) {
			first, _, _ := strings.Cut(message, "; ")
			found = append(found, key+": "+first)
		}})
		got := strings.Join(sorted(found), " ")
		require.True(t, strings.HasPrefix(got, problem) && (problem != "" || got == ""), "%s: %s", text, got)
	}
}

func sorted(list []string) []string {
	out := append([]string(nil), list...)
	for i := range out {
		for j := range i {
			if out[i] < out[j] {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out
}

// Several rows a person: an expression picks one, before ids are compared.
func TestRowsArePicked(t *testing.T) {
	t.Parallel()
	const text = "id,job,name\n1,main,a\n1,side,b\n2,side,c\n2,main,d\n,side,e\nid,side,f\n"
	settings := settingsOf(t, `{"rows":"user.job == 'main'"}`)
	all, snapshot, err := read(t, "p.csv", text, settings)
	require.NoError(t, err)
	require.Equal(t, 2, snapshot.Count)
	require.Equal(t, []any{"a", "d"}, []any{all[0].Fields["name"], all[1].Fields["name"]})

	require.Equal(t, "p.csv, lines 2, 3 (column id repeats)", refused(t, "p.csv", text, settingsOf(t, `{"rows":"user.job != '' && user.id == '1'"}`), fault.SourceIDDuplicate),
		"doubles among what is left stay an error")
	require.Contains(t, refused(t, "p.csv", text, settingsOf(t, `{"rows":"user.jobs == 'main'"}`), fault.SourceColumnMissing), "(source.rows) the source has no column")
	require.Contains(t, refused(t, "p.csv", text, settingsOf(t, `{"rows":"user.job == 1"}`), fault.SettingsInvalid), "(source.rows)")
	require.Contains(t, refused(t, "p.csv", text, settingsOf(t, `{"enabled":{"expression":"user.job > 1"}}`), fault.SettingsInvalid), "(source.enabled)")
	require.Equal(t, "p.csv, lines 2, 3, 4, 5, 6, 7 (source.rows gives neither true nor false; correct the expression or the record)",
		refused(t, "p.csv", text, settingsOf(t, `{"rows":"int(user.job) > 1"}`), fault.SourceMalformed))

	const objects = `[{"id":1,"primary":true},{"id":1,"primary":false},{"id":2,"primary":true}]`
	all, _, err = read(t, "p.json", objects, settingsOf(t, `{"rows":"user.primary"}`))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Contains(t, refused(t, "p.json", objects, settingsOf(t, `{"rows":"user.primry == true"}`), fault.SourceColumnMissing), "(column primry) Did you mean primary? It has id, primary")
	all, _, err = read(t, "p.json", `[{"id":1,"kind":"x"},{"id":1},{"id":2,"kind":"x"}]`, settingsOf(t, `{"rows":"user.kind == 'x'"}`))
	require.NoError(t, err, "a key that an object lacks reads as empty")
	require.Len(t, all, 2)
}

// A list under a key, as the answers of interfaces have it; but never a part of one.
func TestRecordsOfADocument(t *testing.T) {
	t.Parallel()
	for settings, text := range map[string]string{
		`{"records":"Resources"}`:                    `{"schemas":["x"],"totalResults":2,"startIndex":1,"itemsPerPage":2,"Resources":[{"id":"1"},{"id":"2"}]}`,
		`{"records":"_embedded.users"}`:              `{"_links":{"self":{"href":"x"}},"_embedded":{"other":[],"users":[{"id":"1"}, {"id":"2"}],"after":1},"count":2,"size":2}`,
		`{"records":"value"}`:                        `{"@odata.context":"x","@odata.count":2,"value":[{"id":"1"},{"id":"2"}]}`,
		`{"records":"Report_Entry"}`:                 "{\"Report_Entry\":[{\"id\":\"1\"},\n{\"id\":\"2\"}]}\n",
		`{"records":"Resources","id":"user.number"}`: `{"Resources":[{"user":{"number":1}},{"user":{"number":2}}]}`,
		`{"id":"a.b.c"}`:                             `[{"a":{"b":{"c":"1"}}},{"a":{"b":{"c":"2"}},"id":"x"}]`,
		`{"records":"d"}`:                            `{"a":"\"{[","b":[{"d":[1]}],"next":null,"hasMore":false,"links":[{"rel":"self"}],"d":[{"id":"1"},{"id":"2"}]}`,
	} {
		all, snapshot, err := read(t, "p.json", text, settingsOf(t, settings))
		require.NoError(t, err, text)
		require.Equal(t, 2, snapshot.Count)
		require.Equal(t, []string{"1", "2"}, []string{all[0].ID, all[1].ID}, text)
	}
	for text, why := range map[string]string{
		`{"totalResults":3,"d":[{"id":"1"}]}`:                           "totalResults",
		`{"d":[{"id":"1"}],"count":2}`:                                  "count",
		`{"@odata.count":"x","@odata.nextLink":"https://x","d":[]}`:     "@odata.nextLink",
		`{"d":[{"id":"1"}],"_links":{"next":{"href":"x"}}}`:             "_links.next",
		`{"d":[{"id":"1"}],"links":[{"rel":"next","href":"x"}]}`:        "links",
		`{"d":[{"id":"1"}],"hasMore":true}`:                             "hasMore",
		`{"d":[{"id":"1"}],"page":{"totalElements":7,"number":0}}`:      "page.totalElements",
		`{"d":[{"id":"1"}],"meta":{"next_cursor":"abc"}}`:               "meta.next_cursor",
		`{"startIndex":101,"d":[{"id":"1"}]}`:                           "startIndex",
		`{"d":[{"id":"1"}],"isLast":false}`:                             "isLast",
		`{"d":[{"id":"1"}],"nextRecordsUrl":"/x","totalSize":1}`:        "nextRecordsUrl",
		`{"d":[{"id":"1"}],"pagination":{"next":"https://x","page":1}}`: "pagination.next",
	} {
		require.Equal(t, "p.json (its "+why+" says that it is only a part of the list; export all of it into one document)",
			refused(t, "p.json", text, settingsOf(t, `{"records":"d"}`), fault.SourceIncomplete), text)
	}
	for text, note := range map[string]string{
		`{"Resources":[{"id":"1"}],"n":{"m":[]}}`: "p.json (it is one object, and the people must be a list; name the list with source.records) It has Resources, n.m",
		`{"Resources":[`: "p.json, line 1 (the file ends before its JSON does)",
	} {
		_, _, err := read(t, "p.json", text, file.Settings{})
		require.Equal(t, note, hinted(err))
	}
	for text, note := range map[string]string{
		`{"Resources":[{"id":"1"}]}`:      "p.json (source.records: there is no list at d; correct the path) It has Resources",
		`{"d":{"e":[]}}`:                  "p.json (source.records: there is no list at d; correct the path)",
		`[{"id":"1"}]`:                    "p.json, line 1 (the document is the list itself; remove source.records)",
		`{"d":[{"id":"1"}]`:               "p.json, line 1 (the file ends before its JSON does)",
		`{"d":[{"id":"1"}],"x":`:          "p.json, line 1 (the file ends before its JSON does)",
		`{"d":[{"id":"1"}],"x":1} {}`:     "p.json, line 1 (something follows the end of the document)",
		`{"d":[{"id":"1"}],x:1}`:          "p.json, line 1 (not valid JSON; correct it, or export it again)",
		`{"d":[{"id":"1"},],"x":1}`:       "p.json, line 1 (something else than an object stands where an object must)",
		"{\"d\":[{\"id\":\"1\"}\n\n, 5]}": "p.json, line 3 (something else than an object stands where an object must)",
	} {
		_, _, err := read(t, "p.json", text, settingsOf(t, `{"records":"d"}`))
		require.Error(t, err, text)
		require.Equal(t, note, hinted(err), text)
	}
}

// One object a line is read whatever the file is called.
func TestLinesNamedJSON(t *testing.T) {
	t.Parallel()
	all, _, err := read(t, "p.json", "{\"id\":1}\n{\"id\":2}\n\x1a", file.Settings{})
	require.NoError(t, err)
	require.Len(t, all, 2)
}

// What programs put around the data.
func TestAroundTheData(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ settings, text string }{
		"sep=":                    {"", "sep=;\r\nid;name\r\n1;a\r\n2;b\r\n"},
		"sep= with a mark":        {"", "\ufeffsep=|\nid|name\n1|a\n2|b\n"},
		"#TYPE":                   {"", "#TYPE System.Management.Automation.PSCustomObject\n\"id\",\"name\"\n\"1\",\"a\"\n\"2\",\"b\"\n"},
		"version":                 {"", "version:v1.0\nid,name\n1,a\n2,b\n"},
		"version with cells":      {"", "version:v1.0,\nid,name\n1,a\n2,b\n"},
		"titles":                  {`{"skipLines":2}`, "\"Staff of Contoso\n,,\nid,name\n1,a\n2,b\n"},
		"another delimiter":       {`{"delimiter":"|"}`, "id|name\n1|a\n2|b\n"},
		"tab by name":             {`{"delimiter":"tab"}`, "id\tname\n1\ta\n2\tb\n"},
		"empty columns":           {"", "id,name,,\n1,a,,\n2,b\n"},
		"empty rows":              {"", "id,name\n1,a\n,\n2,b\n , \n,,,\n"},
		"Ctrl-Z":                  {"", "id,name\n1,a\n2,b\n\x1a"},
		"Ctrl-Z in a line":        {"", "id,name\n1,a\n2,b\n\x1a\n"},
		"a column name twice":     {"", "id,x,name,x\n1,8,a,9\n2,8,b,9\n"},
		"a column without a name": {"", ",id,name\n0,1,a\n1,2,b\n"},
	} {
		all, snapshot, err := read(t, "p.csv", c.text, settingsOf(t, c.settings))
		require.NoError(t, err, name)
		require.Equal(t, []source.Record{
			{ID: "1", Enabled: true, Fields: map[string]any{"id": "1", "name": "a"}}, {ID: "2", Enabled: true, Fields: map[string]any{"id": "2", "name": "b"}},
		}, all, name)
		require.Equal(t, 2, snapshot.Count)
		alike(t, "p.csv", []byte(c.text), settingsOf(t, c.settings))
	}
	for text, subject := range map[string]string{
		"id,name,,\n1,a,,\n2,Smith, Bob,\n": "p.csv, line 3 (a cell without a column name is filled; is a value not quoted?)",
		"id,name\n1,a,\n":                   "p.csv, line 2 (not the header's 2 fields)",
		"id,name,x\n1,a\n":                  "p.csv, line 2 (not the header's 3 fields)",
		"id,name\n1,a\n\x1a\n2,b\n":         "p.csv, line 3 (not the header's 2 fields)",
		"sep=;\nid;name\n1;a\n2\n":          "p.csv, line 4 (not the header's 2 fields)",
		"id,name\n1.23457E+11,a\n":          "p.csv, line 2 (the id is a number in scientific notation and has lost its digits; export the column as text)",
		"id,name\n1,a\n2\u00ad3,b\n":        "p.csv, line 3 (the id holds the invisible character U+00AD; remove it)",
		"id,name\n\"1\n2\",b\n":             "p.csv, line 2 (the id holds the invisible character U+000A; remove it)",
	} {
		require.Equal(t, subject, refused(t, "p.csv", text, file.Settings{}, fault.SourceMalformed), text)
	}
	require.Contains(t, refused(t, "p.csv", "id,x,id\n1,a,2\n", file.Settings{}, fault.SourceColumnMissing), "column id stands in the header more than once")
}

// alike makes sure that single reads equal the listing.
func alike(t *testing.T, name string, text []byte, settings file.Settings) {
	t.Helper()
	settings.File = settled(t, name, text)
	s, err := file.Open(settings, file.Options{})
	require.NoError(t, err)
	_, err = s.List(t.Context(), func(want source.Record) error {
		got, _, err := s.Get(t.Context(), want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		return nil
	})
	require.NoError(t, err)
}

// Other encodings: UTF-16 by its mark, the rest by name.
func TestEncodings(t *testing.T) {
	t.Parallel()
	const text = "id;name\r\n1;Zoë Müller\r\n2;\"Ådne\r\nØst\"\r\n3;x\r\n"
	want := []source.Record{
		{ID: "1", Enabled: true, Fields: map[string]any{"id": "1", "name": "Zoë Müller"}},
		{ID: "2", Enabled: true, Fields: map[string]any{"id": "2", "name": "Ådne\nØst"}},
		{ID: "3", Enabled: true, Fields: map[string]any{"id": "3", "name": "x"}},
	}
	encoded := func(e interface {
		Bytes([]byte) ([]byte, error)
	}, text string) []byte {
		b, err := e.Bytes([]byte(text))
		require.NoError(t, err)
		return b
	}
	for name, c := range map[string]struct {
		settings string
		bytes    []byte
	}{
		"UTF-16 LE":             {"", encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), text)},
		"UTF-16 BE":             {"", encoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder(), text)},
		"UTF-16 LE by name":     {`{"encoding":"utf-16le"}`, encoded(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder(), text)},
		"Windows-1252":          {`{"encoding":"Windows-1252"}`, encoded(charmap.Windows1252.NewEncoder(), text)},
		"ISO 8859-1":            {`{"encoding":"latin1"}`, encoded(charmap.ISO8859_1.NewEncoder(), text)},
		"a mark against a name": {`{"encoding":"windows-1252"}`, []byte("\ufeff" + text)},
		"UTF-8 by name":         {`{"encoding":"UTF-8"}`, []byte(text)},
	} {
		all, _, err := read(t, "p.csv", string(c.bytes), settingsOf(t, c.settings))
		require.NoError(t, err, name)
		require.Equal(t, want, all, name)
		alike(t, "p.csv", c.bytes, settingsOf(t, c.settings))
	}
	all, _, err := read(t, "p.json", string(encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), `[{"id":"1","name":"Zoë"}]`)), file.Settings{})
	require.NoError(t, err)
	require.Equal(t, "Zoë", all[0].Fields["name"])
	require.Contains(t, refused(t, "p.csv", "id,n\n1,M\xfcller\n", file.Settings{}, fault.SourceMalformed), "name its encoding with source.encoding")
}

// A file that bears a wrong name is called what it is.
func TestWrongNames(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte("id\n1\n"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for text, what := range map[string]string{
		string(workbook(t, nil)): "an Excel workbook", "\xd0\xcf\x11\xe0\xa1": "an old Excel workbook (.xls)", packed.String(): "compressed with gzip",
		"<!DOCTYPE html>\n<html>": "an HTML page", " <html>": "an HTML page", "<?xml version=\"1.0\"?>": "XML", "%PDF-1.7": "a PDF document", `[{"id":1}]`: "JSON",
	} {
		require.Contains(t, refused(t, "p.csv", text, file.Settings{}, fault.SourceMalformed), "p.csv (it is "+what)
	}
	require.Contains(t, refused(t, "p.json", packed.String(), file.Settings{}, fault.SourceMalformed), "compressed with gzip")
	require.Contains(t, refused(t, "p.xlsx", "id,n\n1,a\n", file.Settings{}, fault.SourceMalformed), "it is no Excel workbook; name it .csv if it is CSV")
}

// workbook makes one; change fills its first sheet.
func workbook(t *testing.T, change func(f *excelize.File, sheet string)) []byte {
	f := excelize.NewFile()
	defer f.Close()
	if change != nil {
		change(f, "Sheet1")
	}
	b, err := f.WriteToBuffer()
	require.NoError(t, err)
	return b.Bytes()
}

// Excel workbooks are read as Excel shows them.
func TestExcel(t *testing.T) {
	t.Parallel()
	set := func(f *excelize.File, sheet string, rows ...[]any) {
		for i, cells := range rows {
			require.NoError(t, f.SetSheetRow(sheet, fmt.Sprintf("A%d", i+1), &cells))
		}
	}
	book := workbook(t, func(f *excelize.File, sheet string) {
		set(f, sheet, []any{"Staff of Contoso"}, []any{"id", "name", "since", "pay", "enabled"},
			[]any{"007", "Zoë", 45000, 1234.5, true}, nil, []any{"008", "two\nlines", "", "", false})
		date, money := "yyyy-mm-dd", "0.00"
		style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &date})
		require.NoError(t, err)
		require.NoError(t, f.SetCellStyle(sheet, "C3", "C3", style))
		style, err = f.NewStyle(&excelize.Style{CustomNumFmt: &money})
		require.NoError(t, err)
		require.NoError(t, f.SetCellStyle(sheet, "D3", "D3", style))
		_, err = f.NewSheet("Guests")
		require.NoError(t, err)
		set(f, "Guests", []any{"id", "name"}, []any{1, "x"})
	})
	all, snapshot, err := read(t, "p.xlsx", string(book), settingsOf(t, `{"skipLines":1}`))
	require.NoError(t, err)
	require.Equal(t, 2, snapshot.Count)
	require.Equal(t, []source.Record{
		{ID: "007", Enabled: true, Fields: map[string]any{"id": "007", "name": "Zoë", "since": "2023-03-15", "pay": "1234.50", "enabled": "TRUE"}},
		{ID: "008", Enabled: false, Fields: map[string]any{"id": "008", "name": "two\nlines", "since": "", "pay": "", "enabled": "FALSE"}},
	}, all)
	alike(t, "p.xlsx", book, settingsOf(t, `{"skipLines":1}`))
	all, _, err = read(t, "p.xlsx", string(book), settingsOf(t, `{"sheet":"Guests"}`))
	require.NoError(t, err)
	require.Equal(t, "1", all[0].ID)
	require.Contains(t, refused(t, "p.xlsx", string(book), settingsOf(t, `{"sheet":"Guest"}`), fault.SourceMalformed), `it has no sheet "Guest"; correct source.sheet) It has Sheet1, Guests`)
	require.Contains(t, refused(t, "p.xlsx", string(book[:len(book)/2]), file.Settings{}, fault.SourceIncomplete), "it is cut or damaged")
	for subject, rows := range map[string][][]any{
		"line 3 (column id repeats)":                            {{"id", "n"}, {"1", "a"}, {"1", "b"}},
		"line 2 (column n shows an error of Excel":              {{"id", "n"}, {"1", "#N/A"}},
		"line 2 (not the header's 2 fields":                     {{"id", "n"}, {"1", "a", "x"}},
		"column id) Did you mean ID? It has ID, n":              {{"ID", "n"}, {"1", "a"}},
		"the id is a number in scientific notation":             {{"id", "n"}, {"1.2E+15", "a"}},
		"line 3 (the header line again; were two files joined?": {{"id", "n"}, {"1", "a"}, {"id", "n"}},
		"the sheet has no header line":                          {},
	} {
		_, _, err := read(t, "p.xlsx", string(workbook(t, func(f *excelize.File, sheet string) { set(f, sheet, rows...) })), file.Settings{})
		require.Error(t, err, subject)
		got := hinted(err)
		if strings.HasPrefix(subject, "line 3 (column id repeats") {
			subject = "lines 2, 3 (column id repeats)"
		}
		require.Contains(t, got, subject)
	}
}

// Ids that Excel keeps as numbers have lost the zeros that they may have begun with: whoever loads the file is told.
func TestExcelLosesZeros(t *testing.T) {
	t.Parallel()
	warnings := func(ids ...any) []string {
		book := workbook(t, func(f *excelize.File, sheet string) {
			for i, id := range append([]any{"id"}, ids...) {
				require.NoError(t, f.SetCellValue(sheet, fmt.Sprintf("A%d", i+1), id))
			}
		})
		columns, err := open(t, settled(t, "p.xlsx", book)).Columns(t.Context())
		require.NoError(t, err)
		return columns.Warnings
	}
	require.Empty(t, warnings("007", "12"))
	require.Empty(t, warnings(1001, 1002))
	require.Len(t, warnings(7, 12, 1003), 1)
}

// A file whose last line has no end may have been cut there: what it has is read, and nobody is taken for gone.
func TestAnOpenEnd(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string][2]string{
		"p.csv":   {"id,name\n1,a\n2,b\n", "id,name\n1,a\n2,b"},
		"q.csv":   {"id,name\r\n1,a\r\n2,b\r\n\x1a", "id,name\r\n1,a\r\n2,\"b\""},
		"p.jsonl": {"{\"id\":1}\n{\"id\":2}\n", "{\"id\":1}\n{\"id\":2}"},
	} {
		for i, open := range []bool{false, true} {
			all, snapshot, err := read(t, name, texts[i], file.Settings{})
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, open, snapshot.Open, "%s %d", name, i)
			require.False(t, all[0].Doubt)
			require.Equal(t, open && name == "p.csv", all[1].Doubt, "%s %d", name, i)
			alike(t, name, []byte(texts[i]), file.Settings{})
		}
	}
	_, snapshot, err := read(t, "p.json", `[{"id":1}]`, file.Settings{})
	require.NoError(t, err)
	require.False(t, snapshot.Open, "the array is closed")
}
