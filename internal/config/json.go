package config

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// resolveAliases renames mappings to Graph's names. Where two keys are one attribute both stay, for Validate to report.
func (r *Rule) resolveAliases() {
	count := map[string]int{}
	for key := range r.Mappings {
		if a, ok := directory.FindAttribute(key); ok {
			count[a.Name]++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.Mappings)) {
		if a, ok := directory.FindAttribute(key); ok && a.Name != key && count[a.Name] == 1 {
			r.Mappings[a.Name] = r.Mappings[key]
			delete(r.Mappings, key)
		}
	}
}

// unknownKeys finds what decoding would pass over in silence: keys that there are not, and an empty filter. A misspelt or
// empty filter in JSON typed by hand would otherwise include everybody.
func unknownKeys(b []byte) []finding {
	var w walker
	c := w.object(b, "", connectionKeys)
	preferences := w.object(c["preferences"], "preferences", preferenceKeys)
	w.object(preferences["removalGuard"], "preferences.removalGuard", guardKeys)
	var rules []json.RawMessage
	_ = json.Unmarshal(c["rules"], &rules)
	for i, raw := range rules {
		r := w.object(raw, rulePath(i, ""), ruleKeys)
		w.source(r["source"], rulePath(i, "source"))
		w.object(r["policy"], rulePath(i, "policy"), policyKeys)
		if filter, ok := r["filter"]; ok && (string(filter) == `""` || string(filter) == "null") {
			w.found = append(w.found, finding{path: rulePath(i, "filter"), message: "it is empty; write an expression, or remove the key to include everybody"})
		}
		var mappings map[string]json.RawMessage
		_ = json.Unmarshal(r["mappings"], &mappings)
		for _, attribute := range slices.Sorted(maps.Keys(mappings)) {
			w.object(mappings[attribute], rulePath(i, "mappings."+attribute), source.Keys(Mapping{}))
		}
		w.groups(r["groups"], rulePath(i, "groups"))
		w.object(r["groupMembers"], rulePath(i, "groupMembers"), memberKeys)
	}
	return w.found
}

// source finds what is wrong with the settings of a source as far as decoding can tell.
func (w *walker) source(b json.RawMessage, path string) {
	if len(b) == 0 {
		return
	}
	stores.Decode(b, source.Report{
		Problem: func(key, message string) { w.found = append(w.found, finding{path: join(path, key), message: message}) },
		Unknown: func(key string, known []string) {
			message, _ := unknownKey(lastKey(key), known)
			w.found = append(w.found, finding{path: join(path, key), message: message})
		},
	})
}

// walker goes through JSON that has been decoded once already, so that what is malformed was reported then.
type walker struct{ found []finding }

// object gives an object's members and notes the unknown ones; anything else has no members.
func (w *walker) object(b json.RawMessage, path string, known []string) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(b, &members) != nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if contains(known, key) {
			continue
		}
		message, _ := unknownKey(key, known)
		w.found = append(w.found, finding{path: join(path, key), message: message})
	}
	return members
}
