package plan_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// faultyFiles is how many seeded faults are tried.
const faultyFiles = 300

// Faults in files, as people and programs make them, over a linked population of 50: nobody is disabled, enabled, created
// or renamed, and whatever is not done is told with file, line, cause and next step.
func TestFaultsInFiles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(faultyFiles) {
		layout := fileLayouts[seed%uint64(len(fileLayouts))]
		name := fileFaultNames[int(seed/uint64(len(fileLayouts)))%len(fileFaultNames)]
		t.Run(fmt.Sprintf("%d %s in %s", seed, name, layout.name), func(t *testing.T) {
			t.Parallel()
			f := faultyFile{t: t, layout: layout, rand: rand.New(rand.NewPCG(seed, 7))}
			whole := f.write(f.population())
			f.accounts = f.provisioned(whole)
			made, message := f.plan(whole)
			require.Empty(t, message)
			require.Zero(t, made.Planned(), "without a fault there is nothing to do")
			broken := fileFaults[name](f, whole)
			f.judge(broken)
		})
	}
}

// faultyFile is one file with a fault.
type faultyFile struct {
	t        *testing.T
	layout   fileLayout
	rand     *rand.Rand
	accounts []directory.Account
}

// fileLayout is one way of writing the population.
type fileLayout struct {
	name    string
	columns []string
	comma   rune // 0 in JSON
	quoted  bool
	lines   bool // one object a line
}

var fileLayouts = []fileLayout{
	{name: "people.csv", columns: []string{"id", "username", "given", "family", "dept", "street", "enabled"}, comma: ','},
	{name: "quoted.csv", columns: []string{"id", "enabled", "username", "street", "given", "family", "dept"}, comma: ';', quoted: true},
	{name: "names.csv", columns: []string{"username", "id", "dept", "given", "family"}, comma: ','},
	{name: "short.csv", columns: []string{"id", "username", "given", "family"}, comma: '\t', quoted: true},
	{name: "people.json", columns: []string{"id", "username", "given", "family", "dept", "street", "enabled"}},
	{name: "people.jsonl", columns: []string{"id", "username", "given", "family", "dept", "enabled"}, lines: true},
}

func (f faultyFile) has(column string) bool { return slices.Contains(f.layout.columns, column) }

// population are 50 people, some with quotes, separators and lines in their cells, and one who is disabled.
func (f faultyFile) population() []map[string]string {
	people := make([]map[string]string, 50)
	for i := range people {
		people[i] = map[string]string{
			"id": fmt.Sprintf("%d", 1000+i), "username": fmt.Sprintf("u%02d", i), "given": fmt.Sprintf("Given%02d", i), "family": fmt.Sprintf("Family%02d", i),
			"dept": []string{"Sales", "Research, Tools; Labs", `The "A" Team`, "Zürich"}[i%4], "street": fmt.Sprintf("Main Street %d", i), "enabled": "true",
		}
		if i%5 == 0 {
			people[i]["street"] = fmt.Sprintf("Main Street %d,\nSpringfield", i)
			people[i]["family"] = fmt.Sprintf("Family %02d, Jr.", i)
		}
	}
	people[3]["enabled"] = "false"
	return people
}

// write writes the population.
func (f faultyFile) write(people []map[string]string) []byte {
	var b bytes.Buffer
	if f.layout.comma == 0 {
		for i, p := range people {
			o := map[string]any{}
			for _, c := range f.layout.columns {
				o[c] = p[c]
			}
			if f.has("enabled") {
				o["enabled"] = p["enabled"] == "true"
			}
			text, err := json.Marshal(o)
			require.NoError(f.t, err)
			switch {
			case f.layout.lines:
				fmt.Fprintf(&b, "%s\n", text)
			case i == 0:
				fmt.Fprintf(&b, "[\n%s", text)
			default:
				fmt.Fprintf(&b, ",\n%s", text)
			}
		}
		if !f.layout.lines {
			b.WriteString("\n]\n")
		}
		return b.Bytes()
	}
	row := func(cells []string) {
		if !f.layout.quoted {
			w := csv.NewWriter(&b)
			w.Comma = f.layout.comma
			require.NoError(f.t, w.Write(cells))
			w.Flush()
			return
		}
		for i, c := range cells {
			if i > 0 {
				b.WriteRune(f.layout.comma)
			}
			fmt.Fprintf(&b, `"%s"`, strings.ReplaceAll(c, `"`, `""`))
		}
		b.WriteString("\r\n")
	}
	row(f.layout.columns)
	for _, p := range people {
		cells := make([]string, len(f.layout.columns))
		for i, c := range f.layout.columns {
			cells[i] = p[c]
		}
		row(cells)
	}
	return b.Bytes()
}

// plan reads the file as a sync does, and plans; message says why there is no plan.
func (f faultyFile) plan(text []byte) (*plan.Plan, string) {
	path := filepath.Join(f.t.TempDir(), f.layout.name)
	require.NoError(f.t, os.WriteFile(path, text, 0o600))
	program, src, err := f.open(path)
	if err != nil {
		return nil, err.Error()
	}
	in := input(f.accounts, plan.RulePeople{Name: "staff", SourceKey: "staff", Program: program, People: src})
	in.Rule, in.KnownLinks = "staff", len(f.accounts)
	in.Selection = f.selection(program)
	made, err := plan.Build(f.t.Context(), in)
	if err != nil {
		return nil, err.Error()
	}
	return made, ""
}

func (f faultyFile) selection(program *mapping.Program) directory.Selection {
	return directory.Selection{Attributes: []string{directory.DisplayName, directory.MailNickname, "givenName", "surname"}}
}

func (f faultyFile) open(path string) (*mapping.Program, source.Source, error) {
	src, err := file.Open(file.Settings{File: path}, file.Options{})
	if err != nil {
		return nil, nil, err
	}
	columns, err := src.Columns(f.t.Context())
	if err != nil {
		return nil, nil, err
	}
	rule := mapping.Rule{Mappings: map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: `user.username + "@contoso.com"`},
		directory.DisplayName:       {Expression: `user.given + " " + user.family`},
		directory.MailNickname:      {Expression: `user.username`},
		"givenName":                 {Expression: `user.given`},
		"surname":                   {Expression: `user.family`},
	}}
	if f.has("dept") {
		rule.Filter = `user.dept in ["Sales", "Research, Tools; Labs", "The \"A\" Team", "Zürich"]`
	}
	program, problems := mapping.Compile(rule, columns)
	if len(problems) > 0 {
		return nil, nil, fault.New("compile", fault.Invalid, fault.SourceColumnMissing, f.layout.name+" ("+problems[0].Message+")")
	}
	return program, src, nil
}

// provisioned are the accounts that a first sync makes of the file.
func (f faultyFile) provisioned(text []byte) []directory.Account {
	path := filepath.Join(f.t.TempDir(), f.layout.name)
	require.NoError(f.t, os.WriteFile(path, text, 0o600))
	program, src, err := f.open(path)
	require.NoError(f.t, err)
	s := settings()
	s.Rule, s.Selection = "staff", f.selection(program)
	var accounts []directory.Account
	_, err = src.List(f.t.Context(), func(r source.Record) error {
		desired, err := program.Evaluate(r)
		require.NoError(f.t, err)
		p := plan.Person{ID: r.ID, Enabled: r.Enabled, Desired: desired}
		c := plan.Decide(s, p, plan.Match{})
		a := carryOut(f.t, s, p, c, nil, true)
		a.ID = "id-" + r.ID
		accounts = append(accounts, a)
		return nil
	})
	require.NoError(f.t, err)
	require.Len(f.t, accounts, 50)
	return accounts
}

// placed recognises where in the file the cause is: a line, the header and its columns, or all of it.
var placed = regexp.MustCompile(`lines? \d+|header line|column|\(it is |the file is empty|the file has no`)

// judge plans from the broken file.
func (f faultyFile) judge(text []byte) {
	made, message := f.plan(text)
	if made == nil {
		require.Contains(f.t, message, f.layout.name, "the file is named")
		require.Regexp(f.t, placed, message, "the place is told")
		require.Regexp(f.t, `: .+; \w+`, message, "the cause and the next step are told")
		return
	}
	for _, entries := range [][]plan.Entry{made.Entries, made.Leavers} {
		for _, e := range entries {
			c := e.Change
			if c != nil && c.Removes() && made.Guard.Held {
				c = e.Held
			}
			if c != nil {
				require.Contains(f.t, []plan.Action{plan.None, plan.Update}, c.Action, "%s: %s %s in\n%s", e.SourceID, c.Action, strings.Join(c.Attributes, ","), text)
				require.False(f.t, c.Removes(), "%s loses something", e.SourceID)
				for _, attribute := range []string{directory.UserPrincipalName, directory.DisplayName, "givenName", "surname"} {
					require.NotContains(f.t, c.Attributes, attribute, "%s is renamed in\n%s", e.SourceID, text)
				}
			}
			if e.Reason != "" {
				_, advice := e.Reason.Parts()
				require.NotEmpty(f.t, advice)
			}
		}
	}
	if made.Guard.Held {
		_, advice := made.Guard.Reason.Parts()
		require.NotEmpty(f.t, advice)
	}
}

var fileFaultNames = []string{"quote lost", "quote added", "type changed", "blank added", "mark added", "header repeated", "line ends mixed", "columns moved", "cell moved", "cut", "word of enabled"}

var fileFaults = map[string]func(f faultyFile, text []byte) []byte{
	"quote lost": func(f faultyFile, text []byte) []byte {
		at := f.one(text, func(b byte) bool { return b == '"' })
		return slices.Delete(slices.Clone(text), at, at+1)
	},
	"quote added": func(f faultyFile, text []byte) []byte {
		return slices.Insert(slices.Clone(text), f.rand.IntN(len(text)), '"')
	},
	"type changed": func(f faultyFile, text []byte) []byte {
		if f.layout.comma != 0 {
			return f.replace(text, [][2]string{{"true", "TRUE"}, {"true", "1"}, {"true", "1.0"}, {"100", "100.0"}})
		}
		return f.replace(text, [][2]string{{`"id":"10`, `"id":10`}, {"true", `"true"`}, {"true", "1"}, {"false", "0"}, {"true", "null"}, {`"Sales"`, `5`}, {`"Sales"`, `["Sales"]`}, {`"u01"`, `1`}, {`"enabled":true`, `"enabled":"T"`}})
	},
	"blank added": func(f faultyFile, text []byte) []byte {
		blank := []string{" ", "\t", "\u00a0", "\u200b"}[f.rand.IntN(4)]
		if f.layout.comma == '\t' && blank == "\t" {
			blank = " "
		}
		if f.layout.comma == 0 {
			return f.replace(text, [][2]string{{`":"`, `":"` + strings.ReplaceAll(blank, "\t", " ")}, {`",`, ` ",`}})
		}
		if f.layout.quoted {
			at := f.one(text[:len(text)-4], func(b byte) bool { return b == '"' })
			if blank == "\u200b" {
				return slices.Insert(slices.Clone(text), at+1, []byte(blank)...)
			}
			return text
		}
		// Within quotes a blank that can be seen makes another value, which is no fault.
		quoted := false
		at := f.one(text, func(b byte) bool {
			quoted = quoted != (b == '"')
			return !quoted && (rune(b) == f.layout.comma || b == '\n')
		})
		return slices.Insert(slices.Clone(text), at+1, []byte(blank)...)
	},
	"mark added": func(f faultyFile, text []byte) []byte {
		mark := []byte("\ufeff")
		switch f.rand.IntN(3) {
		case 0:
			return append(mark, text...)
		case 1:
			return append(append(mark, mark...), text...)
		}
		at := f.one(text[:len(text)-4], func(b byte) bool { return b == '\n' })
		return slices.Insert(slices.Clone(text), at+1, mark...)
	},
	"header repeated": func(f faultyFile, text []byte) []byte {
		header, _, _ := bytes.Cut(text, []byte("\n"))
		if f.rand.IntN(2) == 0 {
			header = bytes.ToUpper(header)
		}
		at := f.one(text, func(b byte) bool { return b == '\n' })
		return slices.Insert(slices.Clone(text), at+1, append(slices.Clone(header), '\n')...)
	},
	"line ends mixed": func(f faultyFile, text []byte) []byte {
		var out []byte
		for _, b := range text {
			if b == '\n' {
				out = append(out, []string{"", "\r", "\r\r", "\r\n"}[f.rand.IntN(4)]...)
			}
			out = append(out, b)
		}
		return out
	},
	"columns moved": func(f faultyFile, text []byte) []byte {
		f.layout.columns = slices.Clone(f.layout.columns)
		f.rand.Shuffle(len(f.layout.columns), func(i, j int) {
			f.layout.columns[i], f.layout.columns[j] = f.layout.columns[j], f.layout.columns[i]
		})
		return f.write(f.population())
	},
	"cell moved": func(f faultyFile, text []byte) []byte {
		if f.layout.comma == 0 {
			return f.replace(text, [][2]string{{`"id":`, `"nr":`}, {`,"given"`, `"given"`}})
		}
		// Within quotes it would be another value, and no fault.
		quoted := false
		at := f.one(text[:len(text)-4], func(b byte) bool {
			quoted = quoted != (b == '"')
			return b == byte(f.layout.comma) && !quoted
		})
		return slices.Insert(slices.Clone(text), at, byte(f.layout.comma))
	},
	"cut": func(f faultyFile, text []byte) []byte { return text[:f.rand.IntN(len(text))] },
	"word of enabled": func(f faultyFile, text []byte) []byte {
		if !f.has("enabled") {
			return text
		}
		return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("true"), []byte([]string{"T", "WAHR"}[f.rand.IntN(2)])), []byte("false"), []byte("FALSCH"))
	},
}

// one is the place of one of the bytes that are asked for.
func (f faultyFile) one(text []byte, wanted func(byte) bool) int {
	var places []int
	for i, b := range text {
		if wanted(b) {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return 0
	}
	return places[f.rand.IntN(len(places))]
}

// replace replaces one place of one of the pairs.
func (f faultyFile) replace(text []byte, pairs [][2]string) []byte {
	pair := pairs[f.rand.IntN(len(pairs))]
	n := bytes.Count(text, []byte(pair[0]))
	if n == 0 {
		return text
	}
	at := 0
	for range f.rand.IntN(n) + 1 {
		at += bytes.Index(text[at:], []byte(pair[0])) + 1
	}
	return append(append(slices.Clone(text[:at-1]), pair[1]...), text[at-1+len(pair[0]):]...)
}
