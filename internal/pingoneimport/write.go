// Package pingoneimport makes a configuration file of what PingOne itself provisions to Entra: a connection of the type
// AzureActiveDirectorySAML2, its rules and their mappings. Whatever has no exact counterpart is left out and told in a comment at
// its place. Secrets are neither read nor written; the rules of the file are switched off.
package pingoneimport

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/source/pingone"
)

// EntraType is the type of PingOne's connections to Entra.
const EntraType = "AzureActiveDirectorySAML2"

// Targets are the connections to Entra.
func Targets(p *pingone.Provisioning) []pingone.ProvisioningStore {
	var out []pingone.ProvisioningStore
	for _, s := range p.Stores {
		if s.Type == EntraType {
			out = append(out, s)
		}
	}
	return out
}

// File is a configuration file that was made.
type File struct {
	// Name of the connection.
	Name string
	Text string
	// Rules are their names.
	Rules []string
	// Left is what was not carried over, each with its place.
	Left []string
}

// Make writes the configuration of one connection, whose people the source's settings read.
func Make(p *pingone.Provisioning, target pingone.ProvisioningStore, from pingone.Environment) *File {
	w := &writer{file: &File{Name: slug(target.Name, nil)}}
	w.line("# Made from PingOne environment %s, connection %q. Look for \"not carried over\" before you use it.", from.EnvironmentID, oneLine(target.Name))
	w.line("")
	w.line("name: %s", w.file.Name)
	w.connection(target)
	w.line("")
	w.line("rules:")
	for _, r := range p.Rules {
		if r.TargetStore.ID == target.ID {
			w.rule(r, from)
		}
	}
	if len(w.file.Rules) == 0 {
		w.left("  ", "rules", "the connection has no rule")
		w.line("  []")
	}
	w.file.Text = w.text.String()
	return w.file
}

type writer struct {
	text strings.Builder
	file *File
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.text, format+"\n", args...) }

// left tells what was not carried over.
func (w *writer) left(indent, place, why string) {
	w.line("%s# not carried over: %s", indent, oneLine(why))
	w.file.Left = append(w.file.Left, oneLine(place)+": "+oneLine(why))
}

// switches are PingOne's settings of a connection that are true or false.
var switches = []struct{ theirs, ours string }{
	{"RemoveLicensesWhenSkuIdEmpty", "removeLicensesWhenSkuIdEmpty"}, {"CREATE_USERS", "allowCreate"}, {"UPDATE_USERS", "allowUpdate"},
	{"DISABLE_USERS", "allowDisable"}, {"DEPROVISION_USERS", "allowDeprovision"},
}

func (w *writer) connection(target pingone.ProvisioningStore) {
	for _, key := range []struct{ theirs, ours string }{{"TenantDomain", "tenantId"}, {"ClientId", "clientId"}} {
		value, _ := target.Configuration[key.theirs].(string)
		if value == "" {
			w.left("", key.ours, "PingOne does not say "+key.theirs)
		}
		w.line("%s: %s", key.ours, scalar(value))
	}
	w.line("clientSecret: env:ENTRA_CLIENT_SECRET   # a reference; PingOne does not give its secret away, and none is written here")
	w.line("preferences:")
	for _, s := range switches {
		switch value := target.Configuration[s.theirs].(type) {
		case bool:
			w.line("  %s: %t", s.ours, value)
		case string:
			if b, err := strconv.ParseBool(value); err == nil {
				w.line("  %s: %t", s.ours, b)
				continue
			}
			w.left("  ", s.ours, s.theirs+" is neither true nor false; the default applies")
		default:
			w.line("  # %s: PingOne does not say; the default applies", s.ours)
		}
	}
	switch action, _ := target.Configuration["REMOVE_ACTION"].(string); strings.ToLower(action) {
	case "disable", "delete":
		w.line("  removeAction: %s", strings.ToLower(action))
	case "":
		w.line("  # removeAction: PingOne does not say; the default (disable) applies")
	default:
		w.left("  ", "removeAction", "there is no such action here; the default (disable) applies")
	}
	w.line("  deprovisionOnRuleDeletion: %t", target.Managed)
}

func (w *writer) rule(r pingone.ProvisioningRule, from pingone.Environment) {
	name := slug(r.Name, w.file.Rules)
	w.file.Rules = append(w.file.Rules, name)
	if r.Active {
		w.line("  # Active in PingOne: switch it off there before you enable it here. Two that write the same accounts undo each other's work.")
	}
	w.line("  - name: %s", name)
	w.line("    enabled: false   # until you have read `starter plan -f FILE --rule %s`", name)
	w.line("    source:")
	w.line("      pingone:")
	w.line("        environmentId: %s", from.EnvironmentID)
	w.line("        region: %s", from.Region)
	w.line("        clientId: %s   # reading people needs the role Identity Data Read Only, and no other", from.ClientID)
	w.line("        clientSecret: %s", scalar(from.ClientSecret))
	w.scope(name, r)
	w.line("    mappings:")
	w.mappings(name, r)
	w.groups(name, r)
	w.line("    syncEvery: 15m")
}

// maxGroups is how many groups a rule may name.
const maxGroups = 1000

// groups writes the groups by their ids, which never change and which no two have. PingOne merges with a group of the same name, too.
func (w *writer) groups(name string, r pingone.ProvisioningRule) {
	switch {
	case len(r.Groups) == 0:
		return
	case len(r.Groups) > maxGroups:
		w.left("    ", name+", groups", fmt.Sprintf("the groups that the rule provisions: there are %d of them, and a rule names at most %d; pick them by match", len(r.Groups), maxGroups))
		return
	}
	w.line("    groups:")
	for _, g := range r.Groups {
		w.line("      - %s", scalar(g.ID))
	}
}

var (
	// onlyPopulations is a filter that lists populations and nothing else.
	onlyPopulations = regexp.MustCompile(`(?i)^\s*\(?\s*population\.id eq "[0-9a-f-]{36}"(\s+or\s+population\.id eq "[0-9a-f-]{36}")*\s*\)?\s*$`)
	populationID    = regexp.MustCompile(`(?i)"([0-9a-f-]{36})"`)
	everybody       = regexp.MustCompile(`(?i)^\s*population\.id pr\s*$`)
	// unsupported are operators that PingOne's list of users does not take.
	unsupported = regexp.MustCompile(`(?i)\s(ne|pr|gt|ge|lt|le)(\s|\)|$)`)
	// contains are those that it takes for some attributes only.
	contains  = regexp.MustCompile(`(?i)([A-Za-z0-9_.\[\]]+)\s+(co|ew)\s`)
	quotedAny = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

// scope writes which people a rule includes. A rule whose filter cannot be carried over would include too many: it gets one that
// nobody matches.
func (w *writer) scope(name string, r pingone.ProvisioningRule) {
	expression := strings.TrimSpace(strings.Map(printable, r.PopulationExpression))
	var populations []string
	switch {
	case expression == "" && len(r.Populations) == 0:
		w.left("        ", name+", filter", "PingOne does not say whom the rule includes")
		w.line("        # Nobody matches this one; write a filter of your own, here or as the rule's `filter`.")
		w.line(`        filter: 'username eq "-nobody-"'`)
		return
	case expression == "":
		for _, p := range r.Populations {
			populations = append(populations, p.ID)
		}
	case everybody.MatchString(expression):
	case onlyPopulations.MatchString(expression):
		for _, m := range populationID.FindAllStringSubmatch(expression, -1) {
			populations = append(populations, m[1])
		}
	default:
		bare := quotedAny.ReplaceAllString(expression, `""`)
		supported := !unsupported.MatchString(bare)
		for _, m := range contains.FindAllStringSubmatch(bare, -1) {
			supported = supported && slices.Contains([]string{"email", "name.given", "name.family"}, m[1])
		}
		if !supported {
			w.left("        ", name+", filter", "PingOne's list of users takes no such filter: "+expression)
			w.line("        # Nobody matches this one; write a filter of your own, here or as the rule's `filter`.")
			w.line(`        filter: 'username eq "-nobody-"'`)
			return
		}
		w.line("        filter: %s", scalar(expression))
	}
	if len(populations) > 0 {
		w.line("        populations: [%s]", strings.Join(populations, ", "))
	}
}

// slug makes a name of one, which is none of those taken.
func slug(text string, taken []string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	base := strings.Trim(b.String()[:min(b.Len(), 36)], "-")
	if base == "" {
		base = "imported"
	}
	out := base
	for i := 2; slices.Contains(taken, out); i++ {
		out = base + "-" + strconv.Itoa(i)
	}
	return out
}

// oneLine keeps a text from ending a comment or a line.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(printable, text)), " ")
}

func printable(r rune) rune {
	if !strconv.IsPrint(r) {
		return ' '
	}
	return r
}

// scalar is a text between single quotes, in which YAML changes nothing. Blanks stay as they are: they count in literals.
func scalar(text string) string {
	return "'" + strings.ReplaceAll(strings.Map(printable, text), "'", "''") + "'"
}
