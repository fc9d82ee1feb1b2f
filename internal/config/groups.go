package config

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
)

// Group is an entry of a rule's `groups`: one group of the store, or several by an expression, and what they are at the target. A text in
// its place is short for Source.
type Group struct {
	// Source is the store's group, by id or name. Exactly one of it and Match is set.
	Source string `json:"source,omitempty"`
	// Match is a CEL expression over group (id, name, description) that picks groups: 'group.name.startsWith("app-")'.
	Match string `json:"match,omitempty"`
	// Target is the object id of an existing group, whose members only are kept. Not together with Match or with what describes a group.
	Target string `json:"target,omitempty"`
	// Name is the display name at the target. Default: the source's name.
	Name GroupText `json:"name,omitzero"`
	// Description at the target. Default: the source's.
	Description GroupText `json:"description,omitzero"`
	// Type is security (default) or microsoft365. It counts at creation only.
	Type string `json:"type,omitempty"`
	// MailNickname defaults to one made from the name.
	MailNickname GroupText `json:"mailNickname,omitzero"`
	// Existing is merge (default), overwrite or leave: what happens to a group of that name that is not ours.
	Existing string `json:"existing,omitempty"`
	// WhenRemoved is leave (default), removeMembers or delete: what happens when the group left the rule or the store.
	WhenRemoved string `json:"whenRemoved,omitempty"`
}

// GroupText is a text of a group at the target: a constant, written as it is, or a CEL expression over group, written
// {expression: 'group.name + " (HR)"'}. The zero value means the default.
type GroupText struct {
	Value      string `json:"value,omitempty"`
	Expression string `json:"expression,omitempty"`
}

// GroupMembers says what happens to memberships of ours.
type GroupMembers struct {
	// WhenDeprovisioned is remove (default) or leave: what happens to our memberships of people who leave.
	WhenDeprovisioned string `json:"whenDeprovisioned,omitempty"`
}

// Words of group settings.
const (
	GroupSecurity     = "security"
	GroupMicrosoft365 = "microsoft365"

	ExistingMerge     = "merge"
	ExistingOverwrite = "overwrite"

	RemovedLeave         = "leave"
	RemovedRemoveMembers = "removeMembers"
	RemovedDeleteGroup   = "delete"

	MembersRemove = "remove"
	MembersLeave  = "leave"
)

// DefaultGroupPercent is the share of a group's members that one sync may remove.
const DefaultGroupPercent = 30

// UnmarshalJSON takes a text for Source.
func (g *Group) UnmarshalJSON(b []byte) error {
	var name string
	if json.Unmarshal(b, &name) == nil {
		*g = Group{Source: source.Clean(name)}
		return nil
	}
	type plain Group
	if err := json.Unmarshal(b, (*plain)(g)); err != nil {
		return err
	}
	// Stores clean the names that they read.
	g.Source = source.Clean(g.Source)
	return nil
}

// UnmarshalJSON takes a text for a constant.
func (t *GroupText) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*t = GroupText{Value: text}
		return nil
	}
	type plain GroupText
	return json.Unmarshal(b, (*plain)(t))
}

// looksUp reports whether an expression of the group may use a table.
func (g Group) looksUp() bool {
	for _, text := range []string{g.Match, g.Name.Expression, g.Description.Expression, g.MailNickname.Expression} {
		if expression.LooksUp(text) {
			return true
		}
	}
	return false
}

// groupChanges compares the groups of two revisions of a rule: what leads to a sync, and what acts at the next transition only.
func groupChanges(before, after Rule) (groups, leaving bool) {
	kept := func(r Rule) []Group {
		list := slices.Clone(r.Groups)
		for i := range list {
			list[i].WhenRemoved = ""
			list[i].Type = cmp.Or(list[i].Type, GroupSecurity)
			list[i].Existing = cmp.Or(list[i].Existing, ExistingMerge)
		}
		return list
	}
	left := func(r Rule) map[string]string {
		words := map[string]string{}
		for _, g := range r.Groups {
			words[g.Source+"\x00"+g.Match] = cmp.Or(g.WhenRemoved, RemovedLeave)
		}
		return words
	}
	groups = !slices.Equal(kept(before), kept(after)) || !maps.Equal(before.LicenseGroups, after.LicenseGroups)
	leaving = cmp.Or(before.GroupMembers.WhenDeprovisioned, MembersRemove) != cmp.Or(after.GroupMembers.WhenDeprovisioned, MembersRemove)
	old, now := left(before), left(after)
	for group, word := range now {
		if was, had := old[group]; had && was != word {
			leaving = true
		}
	}
	return groups, leaving
}
