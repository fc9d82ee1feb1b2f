package ldap

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// reading is how entries of one directory become records.
type reading struct {
	facts *facts
	// filter selects the people.
	filter string
	// id is the attribute of the ids, and guid tells that it holds the 16 bytes of a GUID.
	id   string
	guid bool
	// enabled is the attribute that tells who is enabled, "" for none.
	enabled string
	negated bool
	// columns are the fields of each record, as the expressions name them; nil for whatever an entry has.
	columns []string
	// lists has the canonical names of those that are lists whatever number of values they have.
	lists map[string]bool
	// binaries are the attributes that were met, and whether their values are no text.
	binaries map[string]bool
	// spelt has the canonical form of each name that was met.
	spelt map[string]string
}

// canonical is facts.canonical, worked out once for each name. A reading serves one caller at a time.
func (r *reading) canonical(name string) string {
	c, ok := r.spelt[name]
	if !ok {
		if r.spelt == nil {
			r.spelt = map[string]string{}
		}
		c = r.facts.canonical(name)
		r.spelt[name] = c
	}
	return c
}

// attributes are what a search asks for.
func (r *reading) attributes() []string {
	if r.columns == nil {
		return []string{"*", r.id, r.enabledOrID()}
	}
	names := append(append([]string{}, r.columns...), r.id, r.enabledOrID())
	if strings.EqualFold(r.enabled, controlAttribute) {
		names = append(names, "objectClass")
	}
	return names
}

// hides reports that an entry without userAccountControl must have one: all users of Active Directory do, and an account that may not
// read the account restrictions is not shown them. Contacts have none.
func (r *reading) hides(class *rawAttribute) bool {
	return strings.EqualFold(r.enabled, controlAttribute) && class != nil &&
		slices.ContainsFunc(class.values, func(c []byte) bool { return strings.EqualFold(string(c), "user") })
}

func (r *reading) enabledOrID() string {
	if r.enabled == "" {
		return r.id
	}
	return r.enabled
}

// find finds an attribute of an entry by its canonical name; nil where there is none. Beside the range of an attribute a server may give the
// attribute itself, without values.
func (r *reading) find(e *rawEntry, canonical string) *rawAttribute {
	var found *rawAttribute
	for i := range e.attributes {
		a := &e.attributes[i]
		if r.canonical(a.name) == canonical && (found == nil || len(a.values) > 0) {
			found = a
		}
	}
	return found
}

// record makes the record of an entry, whose attributes are all there. It keeps nothing of the entry.
//
// Errors: SourceIDEmpty, SourceMalformed (Invalid), with the attribute and no value.
func (r *reading) record(e *rawEntry) (source.Record, error) {
	id, err := r.idOf(r.find(e, r.canonical(r.id)))
	if err != nil {
		return source.Record{}, err
	}
	record := source.Record{ID: id, Fields: make(map[string]any, max(len(r.columns), 1))}
	var switches []string
	if r.enabled != "" {
		if a := r.find(e, r.canonical(r.enabled)); a != nil {
			for _, v := range a.values {
				switches = append(switches, string(v))
			}
		}
	}
	record.Enabled, record.EnabledErr = enabled(r.enabled, r.negated, switches)
	if len(switches) == 0 && r.hides(r.find(e, r.canonical("objectClass"))) {
		record.Enabled, record.EnabledErr = false, fault.New(op, fault.Invalid, fault.EnabledUnreadable, r.enabled)
	}
	if r.columns == nil {
		for _, a := range e.attributes {
			name := r.canonical(a.name)
			record.Fields[a.name] = r.value(name, r.find(e, name))
		}
		return record, nil
	}
	for _, name := range r.columns {
		record.Fields[name] = r.value(r.canonical(name), r.find(e, r.canonical(name)))
	}
	return record, nil
}

// value is an attribute as expressions see it: "" where there is none, one value as text, several as a list.
func (r *reading) value(name string, a *rawAttribute) any {
	list := r.lists[name]
	switch {
	case a == nil || len(a.values) == 0:
		if list {
			return []any{}
		}
		return ""
	case len(a.values) == 1 && !list:
		return r.text(name, a.values[0])
	}
	all := make([]any, len(a.values))
	for i, v := range a.values {
		all[i] = r.text(name, v)
	}
	return all
}

// text is one value: what is no text stands in Base64.
func (r *reading) text(name string, v []byte) string {
	binary, known := r.binaries[name]
	if !known {
		if r.binaries == nil {
			r.binaries = map[string]bool{}
		}
		binary = r.facts.binary(name)
		r.binaries[name] = binary
	}
	if binary || !utf8.Valid(v) {
		return base64.StdEncoding.EncodeToString(v)
	}
	return source.Clean(string(v))
}

// idOf is the person's id.
func (r *reading) idOf(a *rawAttribute) (string, error) {
	switch {
	case a == nil || len(a.values) == 0 || len(a.values[0]) == 0:
		return "", fault.Wrap(op, fault.Invalid, fault.SourceIDEmpty, r.id, source.Hint(fmt.Sprintf("an entry lacks %s; leave such entries out, as by (%s=*) in ldap.filter", r.id, r.id)))
	case len(a.values) > 1:
		return "", fault.Wrap(op, fault.Invalid, fault.SourceMalformed, r.id, source.Hint("an entry has more than one "+r.id))
	case r.guid && len(a.values[0]) == guidSize:
		return guidText(a.values[0]), nil
	case r.guid || !utf8.Valid(a.values[0]):
		return "", fault.Wrap(op, fault.Invalid, fault.SourceMalformed, r.id, source.Hint(r.id+" is no text; use another attribute for the ids"))
	}
	id := source.Clean(string(a.values[0]))
	switch {
	case id == "":
		return "", fault.New(op, fault.Invalid, fault.SourceIDEmpty, r.id)
	case id != strings.Trim(string(a.values[0]), " "):
		// A search for the cleaned id need not find the entry, and would look as if the person were gone.
		return "", fault.Wrap(op, fault.Invalid, fault.SourceMalformed, r.id, source.Hint("an id has invisible characters or letters in an unusual form; correct it in the directory"))
	}
	return id, nil
}

const guidSize = 16

// guidText writes a GUID as Windows does: the first three fields are kept with their lowest byte first.
func guidText(b []byte) string {
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%s-%s", b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6],
		hex.EncodeToString(b[8:10]), hex.EncodeToString(b[10:]))
}

// guidBytes reads a GUID's text back; ok is false where it is none.
func guidBytes(text string) (b []byte, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return nil, false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != guidSize {
		return nil, false
	}
	b[0], b[1], b[2], b[3] = b[3], b[2], b[1], b[0]
	b[4], b[5], b[6], b[7] = b[5], b[4], b[7], b[6]
	return b, true
}

// idFilter finds the entry with an id; ok is false where no entry can have it.
func (r *reading) idFilter(id string) (filter string, ok bool) {
	if !r.guid {
		return "(" + r.id + "=" + goldap.EscapeFilter(id) + ")", id != ""
	}
	b, ok := guidBytes(id)
	var out strings.Builder
	for _, c := range b {
		fmt.Fprintf(&out, `\%02x`, c)
	}
	return "(" + r.id + "=" + out.String() + ")", ok
}
