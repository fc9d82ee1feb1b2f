package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/directory"
)

// row is one account as it came.
type row map[string]json.RawMessage

// decoder turns rows into accounts. It shares strings and lists of plans between accounts, so it serves one list and is
// not safe for concurrent use.
type decoder struct {
	sel    directory.Selection
	list   []bool     // parallel to sel.Attributes: the attribute has several values
	values []interner // parallel to sel.Attributes
	words  interner   // ids of SKUs, plans and groups, states, marks
	plans  map[string][]string
}

func newDecoder(sel directory.Selection) *decoder {
	d := &decoder{sel: sel, list: make([]bool, len(sel.Attributes)), values: make([]interner, len(sel.Attributes)), plans: map[string][]string{}}
	for i, name := range sel.Attributes {
		a, ok := directory.FindAttribute(name)
		d.list[i] = ok && a.Type == directory.List
	}
	return d
}

// account decodes one row. Slices have exactly the size they need.
func (d *decoder) account(r row) (directory.Account, error) {
	a := directory.Account{ID: str(r["id"]), UserPrincipalName: str(r["userPrincipalName"])}
	if a.ID == "" || a.UserPrincipalName == "" {
		return a, errors.New("an account without id or name")
	}
	a.Enabled = string(r["accountEnabled"]) == "true"
	a.Guest = strings.EqualFold(str(r["userType"]), "Guest")
	a.OnPremises = string(r["onPremisesSyncEnabled"]) == "true"
	if d.sel.LinkProperty != "" {
		a.Link = str(r[d.sel.LinkProperty])
	}
	if d.sel.MarkProperty != "" {
		a.Mark = d.words.str(r[d.sel.MarkProperty])
	}
	if d.sel.Manager {
		var err error
		if a.Manager, err = d.manager(r["manager"]); err != nil {
			return a, err
		}
	}
	a.Values = make([]string, len(d.sel.Attributes))
	for i, name := range d.sel.Attributes {
		raw := r[name]
		if !d.list[i] {
			a.Values[i] = d.values[i].str(raw)
			continue
		}
		var several []string
		if raw != nil {
			if err := json.Unmarshal(raw, &several); err != nil {
				return a, err
			}
		}
		a.Values[i] = strings.Join(several, directory.ListSeparator)
	}
	return a, d.licenses(r, &a)
}

// manager decodes the id of the expanded manager; "" where the account has none, and the member is absent or null.
func (d *decoder) manager(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var m struct {
		ID word `json:"id"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", err
	}
	return d.words.str(m.ID), nil
}

// wireLicense is an entry of licenseAssignmentStates or, without group and state, of assignedLicenses.
type wireLicense struct {
	SKU   word   `json:"skuId"`
	Plans []word `json:"disabledPlans"`
	Group word   `json:"assignedByGroup"`
	State word   `json:"state"`
	Error word   `json:"error"`
}

// word is a string left undecoded until it is looked up among those known already.
type word = json.RawMessage

// licenses decodes the states. A SKU that is assigned and has no state is of unknown origin.
func (d *decoder) licenses(r row, a *directory.Account) error {
	var states, assigned []wireLicense
	if err := several(r["licenseAssignmentStates"], &states); err != nil {
		return err
	}
	if err := several(r["assignedLicenses"], &assigned); err != nil {
		return err
	}
	if len(states) > 0 {
		a.Licenses = make([]directory.AssignedLicense, len(states))
	}
	for i, s := range states {
		a.Licenses[i] = directory.AssignedLicense{
			SKU:           d.words.lower(s.SKU),
			DisabledPlans: d.disabled(s.Plans),
			Group:         d.words.lower(s.Group),
			State:         d.words.str(s.State),
			Error:         d.words.str(s.Error),
		}
		if strings.EqualFold(a.Licenses[i].Error, "None") {
			a.Licenses[i].Error = ""
		}
	}
	for _, l := range assigned {
		sku := d.words.lower(l.SKU)
		if !slices.ContainsFunc(a.Licenses, func(known directory.AssignedLicense) bool { return known.SKU == sku }) {
			a.Unexplained = append(a.Unexplained, sku)
		}
	}
	a.Unexplained = slices.Clip(a.Unexplained)
	return nil
}

func several(raw json.RawMessage, into *[]wireLicense) error {
	if len(raw) == 0 || raw[0] == 'n' || string(raw) == "[]" {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// disabled gives the sorted ids; accounts with the same plans share one slice, which nobody may write to.
func (d *decoder) disabled(plans []word) []string {
	if len(plans) == 0 {
		return nil
	}
	ids := make([]string, len(plans))
	for i, p := range plans {
		ids[i] = d.words.lower(p)
	}
	slices.Sort(ids)
	key := strings.Join(ids, ",")
	if shared, ok := d.plans[key]; ok {
		return shared
	}
	d.plans[key] = ids
	return ids
}

// maxInterned bounds an interner: an attribute with more values than this hardly repeats any.
const maxInterned = 4096

// interner keeps one copy of each of the first values it sees.
type interner map[string]string

// str decodes a string, "" for null and absence.
func (in *interner) str(raw json.RawMessage) string {
	inner, plain := unquoted(raw)
	if !plain {
		return str(raw)
	}
	if s, ok := (*in)[string(inner)]; ok {
		return s
	}
	return in.add(string(inner))
}

// lower is str in lower case, as ids are kept.
func (in *interner) lower(raw json.RawMessage) string {
	s := in.str(raw)
	if l := strings.ToLower(s); l != s {
		return in.add(l)
	}
	return s
}

func (in *interner) add(s string) string {
	if *in == nil {
		*in = interner{}
	}
	if known, ok := (*in)[s]; ok {
		return known
	}
	if len(*in) < maxInterned {
		(*in)[s] = s
	}
	return s
}

// str decodes a string, "" for null and absence. A number or a boolean, which only a property of a type that we did not
// expect can be, is given as it is written.
func str(raw json.RawMessage) string {
	if inner, plain := unquoted(raw); plain {
		return string(inner)
	}
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

// unquoted gives the inside of a JSON string that needs no decoding.
func unquoted(raw json.RawMessage) ([]byte, bool) {
	n := len(raw)
	if n < 2 || raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
		return nil, false
	}
	return raw[1 : n-1], true
}
