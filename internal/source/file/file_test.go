package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// read lists a file of this text.
func read(t *testing.T, name, text string, config file.Settings) ([]source.Record, source.Snapshot, error) {
	config.File = settled(t, name, []byte(text))
	s, err := file.Open(config, file.Options{})
	require.NoError(t, err)
	var all []source.Record
	snapshot, err := s.List(t.Context(), func(r source.Record) error {
		all = append(all, r)
		return nil
	})
	return all, snapshot, err
}

func TestListReadsCSV(t *testing.T) {
	t.Parallel()
	want := []source.Record{
		{ID: "1", Enabled: true, Fields: map[string]any{"id": "1", "name": "Zoë, Dr; \"Z\""}},
		{ID: "2", Enabled: true, Fields: map[string]any{"id": "2", "name": ""}},
	}
	for name, text := range map[string]string{
		"comma":             "id,name\n1,\"Zoë, Dr; \"\"Z\"\"\"\n2,\n",
		"semicolon":         "id;name\n1;\"Zoë, Dr; \"\"Z\"\"\"\n2;\n",
		"tab":               "id\tname\n1\t\"Zoë, Dr; \"\"Z\"\"\"\n2\t\n",
		"byte order mark":   "\ufeffid,name\n1,\"Zoë, Dr; \"\"Z\"\"\"\n2,\n",
		"CRLF":              "id,name\r\n1,\"Zoë, Dr; \"\"Z\"\"\"\r\n2,\r\n",
		"no last line end":  "id,name\n1,\"Zoë, Dr; \"\"Z\"\"\"\n2,",
		"blank lines":       "\n\nid,name\n\n1,\"Zoë, Dr; \"\"Z\"\"\"\n\n2,\n\n",
		"header in quotes":  "\"id\";\" name \"\n1;\"Zoë, Dr; \"\"Z\"\"\"\n2;\n",
		"names with spaces": " id , name \n1,\"Zoë, Dr; \"\"Z\"\"\"\n2,\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, snapshot, err := read(t, "people.csv", text, file.Settings{})
			require.NoError(t, err)
			all[len(all)-1].Doubt = false
			require.Equal(t, want, all)
			require.Equal(t, 2, snapshot.Count)
		})
	}
}

// A cell may have several lines, and a person may be named like a column.
func TestRecordsThatOnlyLookBroken(t *testing.T) {
	t.Parallel()
	all, _, err := read(t, "p.csv", "id,street,b,c,d\n1,\"Main Street 1,\nback, right\nSpringfield\",y,z,w\n2,\"a, b, c, d\",,,\n3,street,b,c,e\n", file.Settings{})
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, "Main Street 1,\nback, right\nSpringfield", all[0].Fields["street"])
}

func TestSeparatorsWithinQuotesOfTheHeaderDoNotCount(t *testing.T) {
	t.Parallel()
	all, _, err := read(t, "people.csv", "id;\"a,b,c\"\n1;x\n", file.Settings{})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"id": "1", "a,b,c": "x"}, all[0].Fields)
}

// What looks the same is the same: cells are trimmed and composed, whatever the file was written by.
func TestCellsAreCleaned(t *testing.T) {
	t.Parallel()
	want := map[string]any{"id": "1", "a": "x y", "b": "Zürich"}
	for name, text := range map[string]string{
		"blanks":             "id,a,b\n 1 , x y ,\"Zürich \"\n",
		"no-break spaces":    "id,a,b\n1,x y\u00a0,\u00a0Zürich\n",
		"zero-width spaces":  "id,a,b\n\u200b1,\u200bx y,Zürich\u200b\n",
		"byte order marks":   "\ufeff\ufeffid,a,b\n\ufeff1,x y,Zürich\n",
		"decomposed":         "id,a,b\n1,x y,Zu\u0308rich\n",
		"two returns":        "id,a,b\r\r\n1,x y,Zürich\r\r\n",
		"two returns quoted": "id,a,b\r\r\n\"1\",x y,\"Zürich\"\r\r\n",
		"mixed line ends":    "id,a,b\r\n\r\n1,x y,Zürich\n",
	} {
		all, _, err := read(t, "people.csv", text, file.Settings{})
		require.NoError(t, err, name)
		require.Equal(t, []source.Record{{ID: "1", Enabled: true, Fields: want}}, all, name)
	}
	all, _, err := read(t, "people.json", `[{"id":" 1 ","a":"\u00a0x y","b":"Zu\u0308rich","o":{"k":[" v "]}}]`, file.Settings{})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"id": "1", "a": "x y", "b": "Zürich", "o": map[string]any{"k": []any{"v"}}}, all[0].Fields)
}

func TestListReadsJSON(t *testing.T) {
	t.Parallel()
	all, snapshot, err := read(t, "people.json", "\ufeff[\n"+
		`{"id":"a","n":1,"f":1.5,"b":true,"big":12345678901234567890,"list":["x",null,2],"o":{"k":{"n":1}},"esc":"a\"}]\u00e4"},`+"\n"+
		`{"id": 7, "n": null, "enabled": "no"} , {"id":" c "}`+"\n]\n", file.Settings{})
	require.NoError(t, err)
	require.Equal(t, 3, snapshot.Count)
	require.Equal(t, []string{"a", "7", "c"}, []string{all[0].ID, all[1].ID, all[2].ID})
	require.Equal(t, map[string]any{
		"id": "a", "n": int64(1), "f": 1.5, "b": true, "big": "12345678901234567890", "list": []any{"x", "", int64(2)},
		"o": map[string]any{"k": map[string]any{"n": int64(1)}}, "esc": `a"}]ä`, "enabled": "",
	}, all[0].Fields)
	require.Error(t, all[0].EnabledErr, "the file has the column, this person no value")
	require.Equal(t, map[string]any{
		"id": int64(7), "n": "", "enabled": "no", "f": "", "b": "", "big": "", "list": "", "o": "", "esc": "",
	}, all[1].Fields)
	require.False(t, all[1].Enabled)
}

func TestCompleteReadOfNobody(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"people.csv": "id,name\n", "people.tsv": "id\tname", "people.json": " [ ] \n"} {
		all, snapshot, err := read(t, name, text, file.Settings{})
		require.NoError(t, err, name)
		require.Empty(t, all)
		require.Zero(t, snapshot.Count)
		require.NotEmpty(t, snapshot.ID)
	}
}

func TestUnusableFiles(t *testing.T) {
	t.Parallel()
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name, file, text string
		config           file.Settings
		reason           fault.Reason
		subject          string
	}{
		{name: "no bytes", file: "p.csv", reason: fault.SourceMalformed, subject: "p.csv (the file is empty)"},
		{name: "no bytes of JSON", file: "p.json", reason: fault.SourceMalformed, subject: "p.json (the file is empty)"},
		{name: "blank", file: "p.csv", text: "\n\n", reason: fault.SourceMalformed, subject: "p.csv (the file has no header line)"},
		{name: "UTF-16 without mark", file: "p.csv", text: "i\x00d\x00\n\x00", reason: fault.SourceMalformed,
			subject: "p.csv (header line, column 1: a NUL byte; is the file UTF-16? Save it as UTF-8, or say so with source.encoding)"},
		{name: "not UTF-8", file: "p.csv", text: "id,n\n1,a\n2,M\xfcller\n3,\xe9\n", reason: fault.SourceMalformed,
			subject: "p.csv, lines 3, 4 (not UTF-8; save the file as UTF-8, or name its encoding with source.encoding)"},
		{name: "not UTF-8 in a later line of the record", file: "p.csv", text: "id,n,m\n1,\"a\n\",M\xfcller\n", reason: fault.SourceMalformed,
			subject: "p.csv, line 3 (not UTF-8; save the file as UTF-8, or name its encoding with source.encoding)"},
		{name: "JSON not UTF-8", file: "p.json", text: "[{\"id\":1},\n{\"id\":\"\xfc\"}]", reason: fault.SourceMalformed,
			subject: "p.json, line 2 (not UTF-8; save the file as UTF-8, or name its encoding with source.encoding)"},
		{name: "CR alone", file: "p.csv", text: "id,n\r1,a\r2,b\r", reason: fault.SourceMalformed,
			subject: "p.csv (its lines end in CR alone; save it with LF or CRLF)"},
		{name: "long header", file: "p.csv", text: "id," + strings.Repeat("x", 70000), reason: fault.SourceMalformed,
			subject: "p.csv (the header line is longer than 65536 bytes or its quotes do not close)"},
		{name: "no id column", file: "p.csv", text: "ID,n\n1,a\n", reason: fault.SourceColumnMissing, subject: "p.csv (column id)"},
		{name: "another separator", file: "p.csv", text: "id|n\n1|a\n", reason: fault.SourceColumnMissing, subject: "p.csv (column id; the first line has one column only: are the cells separated by commas, semicolons or tabs? Else say by what with source.delimiter)"},
		{name: "no id column with that name", file: "p.csv", text: "id,n\n1,a\n", config: file.Settings{ID: "key"},
			reason: fault.SourceColumnMissing, subject: "p.csv (column key)"},
		{name: "no enabled column with that name", file: "p.csv", text: "id,enabled\n1,true\n", config: file.Settings{Enabled: file.Enabled{Column: "active"}},
			reason: fault.SourceColumnMissing, subject: "p.csv (column active)"},
		{name: "no id key", file: "p.json", text: `[{"n":1},{"n":2}]`, reason: fault.SourceColumnMissing, subject: "p.json (column id)"},
		{name: "no enabled key", file: "p.json", text: `[{"id":1}]`, config: file.Settings{Enabled: file.Enabled{Column: "active"}},
			reason: fault.SourceColumnMissing, subject: "p.json (column active)"},
		{name: "fields", file: "p.csv", text: "id,n\n1,a\n2\n3,c,d\n4,d\n", reason: fault.SourceMalformed,
			subject: "p.csv, lines 3, 4 (not the header's 2 fields)"},
		{name: "two files joined", file: "p.csv", text: "id,n\n1,a\nid, n\n2,b\n", reason: fault.SourceMalformed,
			subject: "p.csv, line 3 (the header line again; were two files joined?)"},
		{name: "two files with byte order marks joined", file: "p.csv", text: "\ufeffid,n\n1,a\n\ufeffid,n\n2,b\n", reason: fault.SourceMalformed,
			subject: "p.csv, line 3 (the header line again; were two files joined?)"},
		{name: "a quote that closes in the next record", file: "p.csv", text: "id,a,b,c,d\n1,x,\"y,z,w\n2,x,y\",z,w\n", reason: fault.SourceMalformed,
			subject: "p.csv, lines 2 to 3 (a quoted field holds the beginning of another record; is a quote missing?)"},
		{name: "a quote that closes records later", file: "p.csv", text: "id,a,b,c,d\n1,x,\"y,z,w\n2,,,,\n3,,,,\n4,x,y\",z,w\n5,,,,\n", reason: fault.SourceMalformed,
			subject: "p.csv, lines 2 to 5 (a quoted field holds the beginning of another record; is a quote missing?)"},
		{name: "cut in quotes", file: "p.csv", text: "id,n\n1,a\n2,\"b\n3,c\n", reason: fault.SourceMalformed,
			subject: "p.csv, line 3 (a quoted field is not closed, or something follows its closing quote; is a quote missing?)"},
		{name: "bare quote", file: "p.csv", text: "id,n\n1,a\n2,b\"c\n", reason: fault.SourceMalformed,
			subject: "p.csv, line 3 (a quote within a field that does not begin with one; remove it, or quote the field)"},
		{name: "quote missing in a large file", file: "p.csv", text: "id,n\n1,a\n2,\"b\n" + numbered("x%d,c\n", 300000), reason: fault.SourceMalformed,
			subject: "p.csv, line 2 (the record after it is longer than 1048576 bytes; is a quote missing?)"},
		{name: "ids empty", file: "p.csv", text: "id,n\n1,a\n,b\n  ,c\n4,d\n", reason: fault.SourceIDEmpty,
			subject: "p.csv, lines 3, 4 (column id is empty)"},
		{name: "ids repeat", file: "p.csv", text: "id,n\n1,a\n2,b\n1,c\n3,d\n2 ,e\n1,f\n", reason: fault.SourceIDDuplicate,
			subject: "p.csv, lines 2, 3, 4, 6, 7 (column id repeats)"},
		{name: "many lines", file: "p.csv", text: "id,n\n" + numbered(",%d\n", 30), reason: fault.SourceIDEmpty,
			subject: "p.csv, lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21 and 10 more (column id is empty)"},
		{name: "several problems", file: "p.csv", text: "id,n\n1,a\n,b\n1,c\n2\n", reason: fault.SourceIDEmpty,
			subject: "p.csv, line 3 (column id is empty); lines 2, 4 (column id repeats); line 5 (not the header's 2 fields)"},
		{name: "ids repeat in JSON", file: "p.json", text: "[{\"id\":\"1\"},\n{\"id\":2},\n\n{\"id\":1}]", reason: fault.SourceIDDuplicate,
			subject: "p.json, lines 1, 4 (column id repeats)"},
		{name: "ids empty in JSON", file: "p.json", text: "[{\"id\":\"1\"},\n{\"id\":null},\n{\"n\":1},{\"id\":\"\"}]", reason: fault.SourceIDEmpty,
			subject: "p.json, lines 2, 3 (column id is empty)"},
		{name: "id of another type", file: "p.json", text: "[{\"id\":\"1\"},\n{\"id\":true},\n{\"id\":1.5}]", reason: fault.SourceMalformed,
			subject: "p.json, lines 2, 3 (the id is neither text nor a whole number)"},
		{name: "array cut after an object", file: "p.json", text: "[{\"id\":1},\n{\"id\":2}", reason: fault.SourceIncomplete,
			subject: "p.json, line 2 (the file ends before its JSON does)"},
		{name: "array cut after a comma", file: "p.json", text: "[{\"id\":1},\n", reason: fault.SourceIncomplete,
			subject: "p.json, line 2 (the file ends before its JSON does)"},
		{name: "array cut in an object", file: "p.json", text: "[{\"id\":1},\n{\"id\":\"}]", reason: fault.SourceIncomplete,
			subject: "p.json, line 2 (the file ends before its JSON does)"},
		{name: "lines cut in an object", file: "p.jsonl", text: "{\"id\":1}\n{\"id\":", reason: fault.SourceIncomplete,
			subject: "p.jsonl, line 2 (the file ends before its JSON does)"},
		{name: "comma at the end", file: "p.json", text: "[{\"id\":1},]", reason: fault.SourceMalformed,
			subject: "p.json, line 1 (something else than an object stands where an object must)"},
		{name: "comma missing", file: "p.json", text: "[{\"id\":1}\n{\"id\":2}]", reason: fault.SourceMalformed,
			subject: "p.json, line 2 (something else than an object stands where an object must)"},
		{name: "not an array", file: "p.json", text: "{\"people\":[]}", reason: fault.SourceMalformed,
			subject: "p.json (it is one object, and the people must be a list; name the list with source.records)"},
		{name: "not objects", file: "p.json", text: "[1,2]", reason: fault.SourceMalformed,
			subject: "p.json, line 1 (something else than an object stands where an object must)"},
		{name: "after the array", file: "p.json", text: "[{\"id\":1}]\n[]", reason: fault.SourceMalformed,
			subject: "p.json, line 2 (something follows the end of the document)"},
		{name: "two objects on a line", file: "p.jsonl", text: "{\"id\":1} {\"id\":2}", reason: fault.SourceMalformed,
			subject: "p.jsonl, line 1 (something else than an object stands where an object must)"},
		{name: "not JSON", file: "p.json", text: "[{\"id\":1},\n{id:2},\n{\"id\":3]]", reason: fault.SourceMalformed,
			subject: "p.json, lines 2, 3 (not valid JSON; correct it, or export it again)"},
		{name: "a key twice", file: "p.json", text: "[{\"id\":1},\n{\"id\":2,\"o\":{\"k\":\"a:b\",\"k\":1}}]", reason: fault.SourceMalformed,
			subject: "p.json, line 2 (the same key twice in one object)"},
		{name: "brace missing in a large file", file: "p.jsonl", text: "{\"id\":1}\n{\"id\":2,\n" + numbered("{\"id\":\"x%d\"}\n", 100000),
			reason: fault.SourceMalformed, subject: "p.jsonl, line 2 (an object longer than 1048576 bytes; is a quote or brace missing?)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, snapshot, err := read(t, c.file, c.text, c.config)
			require.Error(t, err)
			require.Zero(t, snapshot)
			got := fault.Of(err)
			require.Equal(t, c.reason, got.Reason, "%v", err)
			require.Equal(t, fault.Invalid, got.Kind)
			require.Equal(t, c.subject, got.Subject)

			// Whoever asks for one person must not get an answer from a file that List refuses.
			c.config.File = settled(t, c.file, []byte(c.text))
			s, err := file.Open(c.config, file.Options{})
			require.NoError(t, err)
			_, _, err = s.Get(t.Context(), "1")
			require.Equal(t, c.reason, fault.Of(err).Reason)
		})
	}
}

func TestEnabledWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{
		"true": true, "TRUE": true, "Yes": true, "y": true, "1": true, "Enabled": true, "active": true, " true ": true,
		"false": false, "False": false, "no": false, "N": false, "0": false, "disabled": false, "Inactive": false,
	} {
		all, _, err := read(t, "p.csv", "id,enabled\n1,"+word+"\n", file.Settings{})
		require.NoError(t, err)
		require.NoError(t, all[0].EnabledErr, word)
		require.Equal(t, want, all[0].Enabled, word)
	}
	for _, word := range []string{"", " ", "-", "2", "truee", "T", "f", "A", "on", "wahr", "null"} {
		all, _, err := read(t, "p.csv", "id,enabled\n1,"+word+"\n", file.Settings{})
		require.NoError(t, err)
		require.True(t, fault.Is(all[0].EnabledErr, fault.EnabledUnreadable), word)
		require.Equal(t, "p.csv, line 2 (column enabled)", fault.Of(all[0].EnabledErr).Subject)
	}
	for value, want := range map[string]string{"true": "true", "false": "false", "1": "true", "0": "false", "\"yes\"": "true",
		"2": "error", "1.0": "error", "null": "error", "[]": "error", "{}": "error", "\"\"": "error"} {
		all, _, err := read(t, "p.json", `[{"id":1,"enabled":`+value+`}]`, file.Settings{})
		require.NoError(t, err)
		got := fmt.Sprint(all[0].Enabled)
		if all[0].EnabledErr != nil {
			got = "error"
		}
		require.Equal(t, want, got, value)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, text string
		config     file.Settings
		want       source.Columns
	}{
		{"p.csv", "id,b,a\n1,x,y\nbroken\n", file.Settings{}, source.Columns{Names: []string{"id", "b", "a"}}},
		{"p.csv", "key,enabled\n", file.Settings{ID: "key"}, source.Columns{Names: []string{"key", "enabled"}, HasEnabled: true}},
		{"p.csv", "id,Enabled\n", file.Settings{Enabled: file.Enabled{Off: true}}, source.Columns{Names: []string{"id", "Enabled"}}},
		{"p.json", `[{"id":1,"b":2},{"a":1,"id":2,"on":"y"}]`, file.Settings{Enabled: file.Enabled{Column: "on"}},
			source.Columns{Names: []string{"a", "b", "id", "on"}, Typed: true, HasEnabled: true}},
	} {
		c.config.File = settled(t, c.file, []byte(c.text))
		s, err := file.Open(c.config, file.Options{})
		require.NoError(t, err)
		got, err := s.Columns(t.Context())
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestOpenRefusesUnknownEndings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"people.xls", "people", "people.yaml"} {
		_, err := file.Open(file.Settings{File: name}, file.Options{})
		require.True(t, fault.Is(err, fault.SourceMalformed), name)
	}
	_, err := file.Open(file.Settings{}, file.Options{})
	require.True(t, fault.Is(err, fault.SourceMissing))
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dir.csv"), 0o700))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.csv"), 0o600))
	for name, reason := range map[string]fault.Reason{
		"none.csv": fault.SourceMissing, "dir.csv": fault.SourceUnreadable, "pipe.csv": fault.SourceUnreadable, "none.json": fault.SourceMissing,
	} {
		s := open(t, filepath.Join(dir, name))
		_, err := s.Columns(t.Context())
		require.True(t, fault.Is(err, reason), "%s: %v", name, err)
		_, err = s.List(t.Context(), func(source.Record) error { return nil })
		require.True(t, fault.Is(err, reason), "%s: %v", name, err)
		_, _, err = s.Get(t.Context(), "1")
		require.True(t, fault.Is(err, reason), "%s: %v", name, err)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	outer := t.TempDir()
	root := filepath.Join(outer, "root")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "in"), 0o700))
	text := []byte("id\n1\n")
	for _, path := range []string{"root/in/ok.csv", "secret.csv"} {
		require.NoError(t, os.WriteFile(filepath.Join(outer, path), text, 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(outer, "secret.csv"), filepath.Join(root, "out.csv")))
	require.NoError(t, os.Symlink(outer, filepath.Join(root, "up")))
	require.NoError(t, os.Symlink(filepath.Join(root, "in", "ok.csv"), filepath.Join(root, "absolute.csv")))
	require.NoError(t, os.Symlink(root, filepath.Join(outer, "alias")))

	for _, path := range []string{"root/in/ok.csv", "root/absolute.csv", "root/in/../in/ok.csv", "alias/in/ok.csv", "root/up/root/in/ok.csv"} {
		for _, r := range []string{root, filepath.Join(outer, "alias")} {
			s, err := file.Open(file.Settings{File: filepath.Join(outer, path)}, file.Options{Root: r})
			require.NoError(t, err, path)
			_, _, err = s.Get(t.Context(), "1")
			require.NoError(t, err, path)
		}
	}
	for _, path := range []string{"secret.csv", "root/out.csv", "root/up/secret.csv", "root/../secret.csv", "rootless.csv", "missing.csv"} {
		_, err := file.Open(file.Settings{File: filepath.Join(outer, path)}, file.Options{Root: root})
		require.True(t, fault.Is(err, fault.SourceOutsideRoot), "%s: %v", path, err)
	}
	// A link that is turned away after Open is refused at the next read.
	turning := filepath.Join(root, "turning.csv")
	require.NoError(t, os.Symlink(filepath.Join("in", "ok.csv"), turning))
	s, err := file.Open(file.Settings{File: turning}, file.Options{Root: root})
	require.NoError(t, err)
	_, _, err = s.Get(t.Context(), "1")
	require.NoError(t, err)
	require.NoError(t, os.Remove(turning))
	require.NoError(t, os.Symlink("../secret.csv", turning))
	_, _, err = s.Get(t.Context(), "1")
	require.True(t, fault.Is(err, fault.SourceOutsideRoot), "%v", err)

	s, err = file.Open(file.Settings{File: filepath.Join(root, "later.csv")}, file.Options{Root: root})
	require.NoError(t, err, "a file that does not exist yet may be named")
	_, err = s.Columns(t.Context())
	require.True(t, fault.Is(err, fault.SourceMissing), "%v", err)
}

func TestErrorsHoldNoContents(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"p.csv":   "id,enabled\nclassified,\"x\"y\n",
		"q.csv":   "id\nclassified\nclassified\n",
		"r.csv":   "1001,classified,Sales\n1002,classified,Sales\n",
		"r.json":  "{\"classified\":[{\"id\":1}]}",
		"s.json":  "[{\"classified\":1}]",
		"p.json":  "[{\"id\":\"classified\",classified}]",
		"q.jsonl": "{\"id\":\"classified\"}\n{\"id\":\"classified\"}\n",
	} {
		_, _, err := read(t, name, text, file.Settings{})
		require.Error(t, err)
		require.NotContains(t, fault.Of(err).Message(), "classified")
	}
}

func TestCancelledReadKeepsTheCause(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(context.DeadlineExceeded)
	_, err := open(t, settled(t, "p.csv", []byte("id\n1\n"))).List(ctx, func(source.Record) error { return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, fault.SourceIncomplete, fault.Of(err).Reason)
	require.True(t, fault.KindOf(err).Retryable())
}
