package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// MaxGroups is how many entries a rule's groups may have. An entry with match stands for any number of groups.
const MaxGroups = 1000

var tooManyGroups = fmt.Sprintf("a rule has at most %d entries here; pick groups with match, or move some to another rule", MaxGroups)

// Longest texts of a group that Entra takes, in characters.
// https://learn.microsoft.com/graph/api/resources/group
const (
	maxGroupName        = 256
	maxGroupDescription = 1024
	maxGroupNickname    = 64
)

// groupText is a text of a group with the key that it stands at.
type groupText struct {
	key  string
	text *GroupText
	// longest is how many characters Entra takes.
	longest int
	// names: it tells groups apart, so that several cannot have the same.
	names bool
}

// texts are the texts of a group at the target.
func (g *Group) texts() []groupText {
	return []groupText{
		{"name", &g.Name, maxGroupName, true},
		{"description", &g.Description, maxGroupDescription, false},
		{"mailNickname", &g.MailNickname, maxGroupNickname, true},
	}
}

// groups checks everything that a rule says of groups.
func (k *checker) groups(i int, r *Rule) {
	path := rulePath(i, "groups")
	if len(r.Groups) > MaxGroups {
		k.problem(path, tooManyGroups)
		return
	}
	if s := r.Source.Settings; s != nil && len(r.Groups) > 0 {
		if store, known := stores.Find(s.Store()); known && !store.Groups {
			k.problem(path, "no groups can be read from a source of the kind "+store.Key+"; remove this key")
		}
	}
	sources, targets, names := map[string]int{}, map[string]int{}, map[string]int{}
	for n := range r.Groups {
		g, at := &r.Groups[n], path+"["+strconv.Itoa(n)+"]"
		k.group(g, at, r.tables)
		k.twice(sources, g.Source+"\x00"+g.Match, n, at, "this group stands in the list already, as its entry %d; remove one of the two")
		k.twice(names, strings.ToLower(g.Name.Value), n, at+".name", "entry %d has this name at the target already; rename one of the two")
		if g.Target != "" {
			k.twice(targets, strings.ToLower(g.Target), n, at+".target", "entry %d has this target already, and a group takes the members of one group only; remove one of the two")
		}
	}
	if word := r.GroupMembers.WhenDeprovisioned; word != "" {
		k.word(rulePath(i, "groupMembers.whenDeprovisioned"), word, MembersRemove, MembersLeave)
	}
	if len(r.LicenseGroups) > 0 {
		k.problem(rulePath(i, "licenseGroups"), "licenses by groups are not yet available; remove this key, and map skuId")
	}
}

// twice reports an entry that says what an earlier one said.
func (k *checker) twice(seen map[string]int, what string, n int, path, message string) {
	if strings.Trim(what, "\x00") == "" {
		return
	}
	if first, twice := seen[what]; twice {
		k.problem(path, fmt.Sprintf(message, first+1))
		return
	}
	seen[what] = n
}

// group checks one entry.
func (k *checker) group(g *Group, path string, tables expression.Tables) {
	switch {
	case g.Source == "" && g.Match == "":
		k.problem(path+".source", "it is missing; give the name or id of a group of the source, or several by match")
	case g.Source != "" && g.Match != "":
		k.problem(path+".match", "source and match stand here together, and one of the two says which groups are meant; remove the other")
	}
	if g.Type != "" {
		k.word(path+".type", g.Type, GroupSecurity, GroupMicrosoft365)
	}
	if g.Existing != "" {
		k.word(path+".existing", g.Existing, ExistingMerge, ExistingOverwrite, ExistingLeave)
	}
	if g.WhenRemoved != "" {
		k.word(path+".whenRemoved", g.WhenRemoved, RemovedLeave, RemovedRemoveMembers, RemovedDeleteGroup)
	}
	if g.Match != "" && !k.shape {
		e, problems := expression.CompileGroup(g.Match, expression.Condition, tables)
		k.inExpression(path+".match", problems)
		if e != nil && e.Constant() {
			k.warn(path+".match", "it is the same for every group; name a field, as in group.name")
		}
	}
	for _, t := range g.texts() {
		k.groupText(g, t, path+"."+t.key, tables)
	}
	if g.Target != "" {
		k.target(g, path)
	}
}

// inExpression takes over what is wrong with an expression.
func (k *checker) inExpression(path string, problems []expression.Problem) {
	for _, p := range problems {
		k.problems = append(k.problems, finding{path: path, message: p.Message, offset: p.Offset})
	}
}

// groupText checks a text of a group at the target.
func (k *checker) groupText(g *Group, t groupText, path string, tables expression.Tables) {
	constant := t.text.Value != ""
	switch {
	case constant && t.text.Expression != "":
		k.problem(path, "it has a value and an expression; keep one")
	case constant:
		k.constantText(t, path)
	case t.text.Expression != "" && !k.shape:
		e, problems := expression.CompileGroup(t.text.Expression, expression.Text, tables)
		k.inExpression(path, problems)
		constant = e != nil && e.Constant()
	}
	if constant && g.Match != "" && t.names {
		k.problem(path, `match may pick several groups, and this would be the same for all of them; write {expression: 'group.name + "…"'}`)
	}
}

// readsGroup recognises an expression that was written as a constant.
var readsGroup = regexp.MustCompile(`\bgroup(\.(id|name|description)\b|\[)`)

func (k *checker) constantText(t groupText, path string) {
	text := t.text.Value
	if n := utf8.RuneCountInString(text); n > t.longest {
		k.problem(path, fmt.Sprintf("it has %d characters, and Entra takes %d; shorten it", n, t.longest))
	}
	if source.Clean(text) == "" {
		k.problem(path, "it is blank; write a text, or remove the key for the default")
	}
	if readsGroup.MatchString(text) {
		k.warn(path, "this is taken as it is written; if it is an expression write {expression: …}")
		return
	}
	if t.key != "mailNickname" {
		return
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII || strings.ContainsRune(`@()\[]";:<>,`, r) }) {
		k.problem(path, `it is ASCII without blanks and without @ ( ) \ [ ] " ; : < > and commas; correct it`)
	} else if strings.Contains(text, ".") {
		k.warn(path, "Entra may refuse to change a group whose mailNickname has a full stop; write a dash")
	}
}

// target checks an entry that keeps the members of an existing group only.
func (k *checker) target(g *Group, path string) {
	if !guid.MatchString(g.Target) {
		k.problem(path+".target", "this is not the object id of a group; copy it from the group's overview in the Entra admin center, or give name for a group that is to be made")
	}
	if g.Match != "" {
		k.problem(path+".target", "match may pick several groups, and one group cannot take the members of all; give source, or remove target")
	}
	const existing = "a target is an existing group, of which only the members are kept; remove this key, or remove target"
	for _, t := range g.texts() {
		if *t.text != (GroupText{}) {
			k.problem(path+"."+t.key, existing)
		}
	}
	if g.Type != "" {
		k.problem(path+".type", existing)
	}
	if g.WhenRemoved == RemovedDeleteGroup {
		k.problem(path+".whenRemoved", "a target is an existing group and is never deleted; write removeMembers or leave")
	}
	if g.Existing == ExistingLeave {
		k.problem(path+".existing", "a target is an existing group, and leave would change nothing; write merge or overwrite, or remove this entry")
	}
}

// groupLabel names a group's key for people: groups[0].name of a group Sales is "group Sales, name".
func groupLabel(c *Connection, rule int, key string) string {
	rest, found := strings.CutPrefix(key, "groups[")
	number, rest, closed := strings.Cut(rest, "]")
	n, err := strconv.Atoi(number)
	if !found || !closed || err != nil {
		return key
	}
	label := "group " + strconv.Itoa(n+1)
	if rule < len(c.Rules) && n < len(c.Rules[rule].Groups) {
		if name := c.Rules[rule].Groups[n].Source; name != "" && len(name) <= 60 && !strings.ContainsFunc(name, unicode.IsControl) {
			label = "group " + name
		}
	}
	if rest = strings.TrimPrefix(rest, "."); rest != "" {
		label += ", " + rest
	}
	return label
}
