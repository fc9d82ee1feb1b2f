package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/source"
)

// Enabled says how the file tells who is enabled. It is written as the name of a column; as an expression; as
// {column: …, true: […], false: […]} with the words of the column; or as false, where nothing in the file says so. Left out,
// it is the column "enabled", if there is one.
type Enabled struct {
	// Column is matched exactly. One that is named must exist.
	Column string
	// Expression is CEL over user, and true for people who are enabled.
	Expression string
	// True and False are the column's words, compared without case. Empty, they are those that cannot mean anything else.
	True, False []string
	// Off: everybody is enabled.
	Off bool
}

// IsZero reports that nothing was said.
func (e Enabled) IsZero() bool {
	return e.Column == "" && e.Expression == "" && len(e.True) == 0 && len(e.False) == 0 && !e.Off
}

// enabledObject is the long form.
type enabledObject struct {
	Column     string `json:"column,omitempty"`
	Expression string `json:"expression,omitempty"`
	True       []word `json:"true,omitempty"`
	False      []word `json:"false,omitempty"`
}

// word is a text, a number or a truth value, by the way it is written.
type word string

// UnmarshalJSON takes a value as it is written.
func (w *word) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*w = word(text)
		return nil
	}
	if bytes.ContainsAny(b, "[{") {
		return errors.New("no word")
	}
	*w = word(b)
	return nil
}

// MarshalJSON writes the shortest form.
func (e Enabled) MarshalJSON() ([]byte, error) {
	switch {
	case e.Off:
		return []byte("false"), nil
	case e.Expression == "" && len(e.True) == 0 && len(e.False) == 0 && !reference.MatchString(e.Column):
		return json.Marshal(e.Column)
	}
	o := enabledObject{Column: e.Column, Expression: e.Expression}
	for _, w := range e.True {
		o.True = append(o.True, word(w))
	}
	for _, w := range e.False {
		o.False = append(o.False, word(w))
	}
	return json.Marshal(o)
}

var errEnabled = errors.New("write the name of a column, an expression over user, {column: …, true: […], false: […]}, or false for no such column")

// reference recognises an expression by what it reads.
var reference = regexp.MustCompile(`\buser\s*[.\[]`)

// UnmarshalJSON reads each of the forms.
func (e *Enabled) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil && text != "" {
		if reference.MatchString(text) {
			*e = Enabled{Expression: text}
		} else {
			*e = Enabled{Column: text}
		}
		return nil
	}
	if string(b) == "false" {
		*e = Enabled{Off: true}
		return nil
	}
	var o enabledObject
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if b[0] != '{' || decoder.Decode(&o) != nil {
		return errEnabled
	}
	*e = Enabled{Column: o.Column, Expression: o.Expression}
	for _, w := range o.True {
		e.True = append(e.True, string(w))
	}
	for _, w := range o.False {
		e.False = append(e.False, string(w))
	}
	if e.IsZero() {
		return errEnabled
	}
	return nil
}

// check reports contradictions.
func (e Enabled) check(idColumn string, r source.Report) {
	words := len(e.True) > 0 || len(e.False) > 0
	switch {
	case e.Expression != "" && (words || e.Column != ""):
		r.Problem("enabled", "it has an expression and a column; keep one")
	case e.Column != "" && e.Column == idColumn:
		r.Problem("enabled", "the same column cannot be id and enabled; correct one of the two")
	case words && (len(e.True) == 0 || len(e.False) == 0):
		r.Problem("enabled", "it has the words for one of true and false only; add those for the other")
	}
	for _, w := range e.True {
		if slices.ContainsFunc(e.False, func(f string) bool { return sameWord(w, f) }) {
			r.Problem("enabled", "a word stands for true and for false; remove it from one of the two")
		}
	}
}

func sameWord(a, b string) bool { return strings.EqualFold(source.Clean(a), source.Clean(b)) }

// Words that mean one thing only. A letter such as T does not: it is "true" to some and "terminated" to others.
var (
	wordsTrue  = []string{"true", "yes", "y", "1", "enabled", "active"}
	wordsFalse = []string{"false", "no", "n", "0", "disabled", "inactive"}
)

// read reads the column's value; ok is false for a word that is not known.
func (e Enabled) read(value any) (enabled, ok bool) {
	words := value
	switch v := value.(type) {
	case bool:
		words = strconv.FormatBool(v)
	case int64:
		words = strconv.FormatInt(v, 10)
	}
	text, isText := words.(string)
	if !isText {
		return false, false
	}
	yes, no := e.True, e.False
	if len(yes) == 0 && len(no) == 0 {
		yes, no = wordsTrue, wordsFalse
	}
	is := func(w string) bool { return sameWord(w, text) }
	switch {
	case slices.ContainsFunc(yes, is):
		return true, true
	case slices.ContainsFunc(no, is):
		return false, true
	}
	return false, false
}
