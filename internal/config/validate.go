package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/suggest"
	"github.com/entraflow/entraflow/internal/secret"
)

// MaxRules is how many rules a connection may have. It keeps the settings, which travel through Temporal, small.
const MaxRules = 100

var (
	// validName is what connections and rules are called. The names stand in workflow ids and in the tenant.
	validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	domain    = regexp.MustCompile(`^[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)+$`)
)

var clouds = []string{CloudGlobal, CloudUSGov, CloudDoD, CloudChina, CloudSimulator}

// Validate gives everything that is wrong with a connection that arrives as JSON: the rules of Load, without places. Paths
// must be absolute. It reads neither files nor clock nor environment.
func (c *Connection) Validate() Problems {
	return problemsOf(c, append(c.check().problems, c.unknown...), nowhere)
}

// ValidateShape gives what is wrong with a connection as far as that shows without compiling its expressions, of which many
// take longer than a workflow may think. Only those of passwords are compiled: whatever refuses a password in clear text must
// do so before the configuration is stored. It is deterministic, so that a workflow may call it; in an update's validator and
// not in its handler, since a later version may find more, and handlers are replayed.
//
// The linter is told so because the CEL parser has debugging output, which is never switched on.
//
//workflowcheck:ignore
func (c *Connection) ValidateShape() Problems {
	k := &checker{shape: true}
	k.connection(c)
	return problemsOf(c, append(k.problems, c.unknown...), nowhere)
}

// Warnings gives what is allowed but probably not meant. Deterministic, as Validate.
//
//workflowcheck:ignore
func (c *Connection) Warnings() Problems {
	return problemsOf(c, c.check().warnings, nowhere)
}

func nowhere(finding) Problem { return Problem{} }

// checker collects what is wrong with a connection's meaning, whatever it was written in.
type checker struct {
	problems, warnings []finding
	// shape: expressions are not compiled, but for those of passwords.
	shape bool
}

func (k *checker) problem(path, message string) {
	k.problems = append(k.problems, finding{path: path, message: message})
}

func (k *checker) warn(path, message string) {
	k.warnings = append(k.warnings, finding{path: path, message: message})
}

func (c *Connection) check() *checker {
	k := &checker{}
	k.connection(c)
	return k
}

func (k *checker) connection(c *Connection) {
	k.name("name", c.Name)
	switch {
	case c.TenantID == "":
		k.problem("tenantId", "it is missing; give the tenant's id or one of its verified domains")
	case !guid.MatchString(c.TenantID) && !domain.MatchString(c.TenantID):
		k.problem("tenantId", "this is neither a tenant's id nor a domain; copy the Directory (tenant) ID from the app registration's overview")
	}
	switch {
	case c.ClientID == "":
		k.problem("clientId", "it is missing; give the Application (client) ID of the app registration")
	case !guid.MatchString(c.ClientID):
		k.problem("clientId", "this is not an application's id; copy the Application (client) ID from the app registration's overview")
	}
	k.credentials(c)
	if c.Cloud != "" {
		k.word("cloud", c.Cloud, clouds...)
	}
	k.preferences(c.Preferences)
	k.tables(c.Tables)
	k.rules(c.Rules)
}

func (k *checker) name(path, name string) {
	switch {
	case name == "":
		k.problem(path, "it is missing; give a name of small letters, digits and dashes")
	case !validName.MatchString(name):
		k.problem(path, "a name has 1 to 40 small letters, digits and dashes and begins with a letter or digit; change it")
	}
}

// word checks a setting that takes one of a few words.
func (k *checker) word(path, got string, words ...string) {
	if !contains(words, got) {
		k.problem(path, "this takes "+strings.Join(words, ", ")+"; use one of them"+suggest.DidYouMean(got, words))
	}
}

func (k *checker) preferences(p Preferences) {
	k.word("preferences.licenseScope", p.LicenseScope, ScopeOurs, ScopeAll)
	k.word("preferences.removeAction", p.RemoveAction, RemoveDisable, RemoveDelete)
	k.word("preferences.existingUsers", p.ExistingUsers, ExistingAdopt, ExistingLeave)
	k.policy("preferences.policy", p.Policy)
	if p.RemovalGuard.Count < 0 {
		k.problem("preferences.removalGuard.count", "this is a number of people; give 0 or more")
	}
	if p.RemovalGuard.Percent < 0 || p.RemovalGuard.Percent > 100 {
		k.problem("preferences.removalGuard.percent", "this is a percentage; give 0 to 100")
	}
	if p.RemovalGuard.GroupPercent < 0 || p.RemovalGuard.GroupPercent > 100 {
		k.problem("preferences.removalGuard.groupPercent", "this is a percentage; give 0 to 100")
	}
	if p.RemoveAdopted && p.RemoveAction == RemoveDisable {
		k.warn("preferences.removeAdopted", "it has no effect while removeAction is disable; remove it, or set removeAction to delete")
	}
}

// checkReference says what is wrong with the reference to a secret, or "". It never repeats it: what is not a reference
// may be the secret itself.
func checkReference(ref string) string {
	if strings.Contains(ref, pemMark) {
		return "a certificate or key itself must not stand in the configuration; store it where the worker can read it, and write file:PATH or env:NAME"
	}
	if name, ok := strings.CutPrefix(ref, secret.EnvScheme); ok {
		if !secret.VariableName.MatchString(name) {
			return "after env: comes the name of an environment variable: letters, digits and underscores; correct it"
		}
		return ""
	}
	if path, ok := strings.CutPrefix(ref, secret.FileScheme); ok {
		switch {
		case path == "":
			return "after file: comes the path of the file that holds the secret; add it"
		case !filepath.IsAbs(path):
			return "the path after file: must be absolute here; write it in full"
		}
		return ""
	}
	return "a secret itself must not stand in the configuration; store it where the worker can read it, and write env:NAME or file:PATH"
}

var tooManyRules = fmt.Sprintf("a connection has at most %d rules; move some to another connection", MaxRules)

// MaxEntries is how many entries the tables of a connection have in all. They travel with its settings.
const MaxEntries = 5000

func (k *checker) tables(tables expression.Tables) {
	entries := 0
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		entries += len(tables[name])
		if len(tables[name]) == 0 {
			k.problem("tables."+name, "the table is empty; write its entries below, indented, or remove it")
		}
	}
	if entries > MaxEntries {
		k.problem("tables", fmt.Sprintf("the tables have %d entries in all, and %d are possible; shorten them, or prepare the column at the source", entries, MaxEntries))
	}
}

func (k *checker) rules(rules []Rule) {
	if len(rules) > MaxRules {
		// Each takes time to check, and nobody waits for thousands.
		k.problem("rules", tooManyRules)
		return
	}
	seen := map[string]bool{}
	for i := range rules {
		r := &rules[i]
		k.name(rulePath(i, "name"), r.Name)
		if r.Name != "" && seen[r.Name] {
			k.problem(rulePath(i, "name"), "another rule has this name already; rename one of them")
		}
		seen[r.Name] = true
		k.rule(i, r)
	}
}
