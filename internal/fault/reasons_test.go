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

var update = flag.Bool("update", false, "write docs/reasons.md again")

// constants reads the codes from the source, so that one that was added without a row is found, too.
func constants(t *testing.T) map[fault.Reason]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	require.NoError(t, err)
	out := map[fault.Reason]string{}
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			v := spec.(*ast.ValueSpec)
			for i, name := range v.Names {
				text, err := strconv.Unquote(v.Values[i].(*ast.BasicLit).Value)
				require.NoError(t, err)
				code := fault.Reason(text)
				require.Empty(t, out[code], "%s has the code of %s", name.Name, out[code])
				out[code] = name.Name
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
	properNames = regexp.MustCompile(`^(Microsoft|Entra|Temporal|[a-z])`)
	// The same words reach people who have no command line before them.
	commands = regexp.MustCompile("`|starter|--[a-z]")
)

// Every reason has one row, with a sentence in two halves: what happened, and what a person does about it.
func TestEveryReasonHasARow(t *testing.T) {
	t.Parallel()
	codes := constants(t)
	said := map[string]fault.Reason{}
	seen := map[fault.Reason]bool{}
	for _, row := range fault.Rows() {
		name := string(row.Code)
		require.NotEmpty(t, codes[row.Code], "%s is no constant of reasons.go", name)
		require.False(t, seen[row.Code], "%s has two rows", name)
		seen[row.Code] = true
		require.Regexp(t, codePattern, name)
		require.True(t, row.Code.Known())
		require.Equal(t, row, row.Code.Row())
		require.Contains(t, []fault.Party{fault.PartyGraph, fault.PartySignIn, fault.PartySource, fault.PartySettings, fault.PartyTemporal, fault.PartyWorker}, row.Party, name)
		require.Contains(t, []fault.Scope{fault.ScopePerson, fault.ScopeGroup, fault.ScopeRule, fault.ScopeConnection}, row.Scope, name)
		require.Contains(t, []fault.Kind{fault.Transient, fault.Throttled, fault.Uncertain, fault.NotReady, fault.Rematch, fault.Invalid, fault.Denied,
			fault.NotFound, fault.Refused, fault.Stale, fault.Internal}, row.Kind, name)
		sentence := row.Code.Sentence()
		require.Empty(t, said[sentence], "%s says the same as %s", name, said[sentence])
		said[sentence] = row.Code
		require.Equal(t, row.Meaning+"; "+row.Fix, sentence)
		for _, part := range []string{row.Meaning, row.Fix} {
			require.NotEmpty(t, part, name)
			require.NotRegexp(t, placeholders, part, name)
			require.NotRegexp(t, `[.!?]$|  |\|`, part, "%s: sentences stand within others", name)
			// openssl's options are the fix itself.
			require.NotRegexp(t, commands, strings.ReplaceAll(part, "-----BEGIN", ""), "%s: hints about commands belong to the command line", name)
		}
		require.NotContains(t, row.Meaning, ";", name)
		require.Regexp(t, properNames, row.Meaning, "%s: sentences stand within others", name)
		require.True(t, row.Persists == "" || row.SelfHealing(), "%s: only what mends itself can stay all the same", name)
	}
	for code, name := range codes {
		require.True(t, seen[code], "%s has no row: add one to catalogue.go", name)
	}
}

// What an administrator of the tenant has to mend stops the whole connection; nothing that another party has to mend does,
// a wrong secret of an identity store least of all.
func TestWhatWithdrawsAConnection(t *testing.T) {
	t.Parallel()
	for _, reason := range []fault.Reason{fault.SecretUnreadable, fault.SecretWrong, fault.CertificateKeyMismatch, fault.FederatedTokenRejected,
		fault.ApplicationUnknown, fault.TenantMismatch, fault.TokenRejected, fault.PermissionDenied, fault.ExtensionMissing} {
		require.True(t, reason.WithdrawsConnection(), reason)
	}
	for _, reason := range []fault.Reason{fault.SourceSecretUnreadable, fault.SourceLoginRefused, fault.SourceUnreadable, fault.AccountProtected,
		fault.LicensesUnreadable, fault.DirectoryQuota, fault.GraphUnavailable, fault.TemporalUnavailable, fault.ConnectionInvalid, "", "unheard_of"} {
		require.False(t, reason.WithdrawsConnection(), reason)
	}
	for _, row := range fault.Rows() {
		if row.Code.WithdrawsConnection() {
			require.Contains(t, []fault.Party{fault.PartyGraph, fault.PartySignIn}, row.Party, row.Code)
			require.Equal(t, fault.ScopeConnection, row.Scope, row.Code)
		}
	}
}

// Rows is a copy: nobody changes the catalogue.
func TestRowsIsACopy(t *testing.T) {
	t.Parallel()
	fault.Rows()[0].Meaning = "changed"
	require.NotEqual(t, "changed", fault.Rows()[0].Meaning)
}

// document is docs/reasons.md.
func document(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Reason codes\n\n" +
		"Each person who is not `Success`, each failed check and each refused command carries one of these codes. A code never\n" +
		"changes its meaning and is never used again, so scripts may rely on it. *Stops* is how much it stops (one person, a group,\n" +
		"a rule, the connection), *side* is who has to change something, or to answer again.\n\n" +
		"<!-- Made from internal/fault/catalogue.go: go test ./internal/fault -run Document -update -->\n")
	section := ""
	for _, row := range fault.Rows() {
		if title := fault.SectionOf(row.Code); title != section {
			section = title
			fmt.Fprintf(&b, "\n## %s\n\n| code | stops | side | meaning | what to do |\n|---|---|---|---|---|\n", section)
		}
		fix := upper(row.Fix)
		if row.Persists != "" {
			fix += "; if it stays so, " + row.Persists
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", row.Code, row.Scope, row.Party, upper(row.Meaning), fix)
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
