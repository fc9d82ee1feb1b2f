package fault_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
)

var update = flag.Bool("update", false, "write docs/reasons.md anew")

// constant is a Reason as it stands in the source.
type constant struct {
	name, section string
	code          fault.Reason
}

// constants reads the reasons from the source, so that one that was added without a sentence is found, too.
func constants(t *testing.T) []constant {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var out []constant
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		section := ""
		for _, spec := range group.Specs {
			v := spec.(*ast.ValueSpec)
			if v.Doc != nil {
				section = strings.TrimSuffix(strings.TrimSpace(v.Doc.Text()), ".")
			}
			if kind, ok := v.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
				continue
			}
			for i, name := range v.Names {
				code, err := strconv.Unquote(v.Values[i].(*ast.BasicLit).Value)
				require.NoError(t, err)
				out = append(out, constant{name: name.Name, section: section, code: fault.Reason(code)})
			}
		}
	}
	require.Greater(t, len(out), 90)
	return out
}

var (
	codePattern = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	// placeholders would reach people as they are: a sentence is the same for everybody.
	placeholders = regexp.MustCompile(`%[a-zA-Z+#]|[{}<>$]|TODO|FIXME|XXX|\.\.\.|…`)
	// Names in code keep their capital at the start of a sentence.
	properNames = regexp.MustCompile(`^(Microsoft|Entra|[a-z])`)
)

// Every reason has a code of its own and a sentence in two halves: what happened, and what a person does about it.
func TestEveryReasonHasASentence(t *testing.T) {
	t.Parallel()
	all := fault.Reasons()
	codes := map[fault.Reason]string{}
	said := map[string]string{}
	for _, c := range constants(t) {
		require.Empty(t, codes[c.code], "%s has the code of %s", c.name, codes[c.code])
		codes[c.code] = c.name
		require.Regexp(t, codePattern, string(c.code), c.name)
		sentence, ok := all[c.code]
		require.True(t, ok, "%s has no sentence: add one to sentences in reasons.go", c.name)
		require.True(t, c.code.Known())
		require.Equal(t, sentence, c.code.Sentence())
		require.Empty(t, said[sentence], "%s says the same as %s", c.name, said[sentence])
		said[sentence] = c.name
		require.NotRegexp(t, placeholders, sentence, c.name)
		require.Regexp(t, properNames, sentence, "%s: sentences stand within others", c.name)
		require.NotRegexp(t, `[.!?]$|  |\|`, sentence, "%s: sentences stand within others", c.name)
		meaning, advice := c.code.Parts()
		require.NotEmpty(t, meaning, c.name)
		require.NotEmpty(t, advice, "%s does not say what to do; write: what happened; what to do", c.name)
		require.Equal(t, sentence, meaning+"; "+advice)
	}
	require.Len(t, all, len(codes), "a sentence whose code is no constant")
}

// Reasons is a copy: nobody changes the catalogue.
func TestReasonsIsACopy(t *testing.T) {
	t.Parallel()
	fault.Reasons()[fault.SecretWrong] = "changed"
	require.NotEqual(t, "changed", fault.SecretWrong.Sentence())
}

// document is docs/reasons.md.
func document(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Reason codes\n\n" +
		"Each person who is not `Success`, each failed check and each refused command carries one of these codes. A code never\n" +
		"changes its meaning and is never used again, so scripts may rely on it.\n\n" +
		"<!-- Made from internal/fault/reasons.go: go test ./internal/fault -run Document -update -->\n")
	section := ""
	for _, c := range constants(t) {
		if c.section != section {
			section = c.section
			fmt.Fprintf(&b, "\n## %s\n\n| code | meaning | what to do |\n|---|---|---|\n", section)
		}
		meaning, advice := c.code.Parts()
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.code, upper(meaning), upper(advice))
	}
	return b.String()
}

// upper begins a cell with a capital, except where it begins with a name from the configuration.
func upper(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if strings.ToLower(first) != first {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func TestDocumentIsUpToDate(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "reasons.md")
	want := document(t)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	have := strings.Split(string(got), "\n")
	for i, line := range strings.Split(want, "\n") {
		require.True(t, i < len(have) && have[i] == line, "docs/reasons.md is out of date at line %d: go test ./internal/fault -run Document -update", i+1)
	}
	require.Len(t, string(got), len(want))
}
