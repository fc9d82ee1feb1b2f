package field

import (
	"fmt"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping/value"
)

// readConstant reads {value: …}. The message says what is wrong with it; about a password it repeats nothing.
func readConstant(a directory.Attribute, v any) (*constant, string) {
	if a.Type == directory.Secret {
		return nil, "a fixed password must not stand in the configuration; write 'randomPassword(24)', or {secret: env:NAME}"
	}
	if unique(a) {
		return nil, sameForAll
	}
	if a.Type == directory.Flag {
		return readFlag(a, v)
	}
	values, isList, message := readTexts(v)
	if message != "" {
		return nil, message
	}
	switch {
	case a.Type == directory.Licenses:
		return &constant{list: value.Licenses(values)}, ""
	case a.Type == directory.List:
		values, err := value.List(a, values)
		if err != nil {
			return nil, advise(a, err)
		}
		return &constant{text: strings.Join(values, directory.ListSeparator)}, ""
	case isList:
		return nil, "one text is wanted, and this is a list; write {value: text}"
	}
	s, err := value.Text(a, values[0])
	if err != nil {
		return nil, advise(a, err)
	}
	return &constant{text: s}, ""
}

func readFlag(a directory.Attribute, v any) (*constant, string) {
	switch v := v.(type) {
	case bool:
		return &constant{flag: v}, ""
	case string:
		if flag, err := value.Flag(a, v); err == nil {
			return &constant{flag: flag}, ""
		}
	}
	return nil, "true or false is wanted; write {value: true} or {value: false}"
}

// readTexts reads a text or a list of texts. YAML and JSON make other things of 0123, 2024-01-31 and true; those must be
// quoted, because what they were meant to look like is lost.
func readTexts(v any) (values []string, isList bool, message string) {
	switch v := v.(type) {
	case string:
		return []string{v}, false, ""
	case []string:
		return v, true, ""
	case []any:
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, true, fmt.Sprintf("item %d of the list is not a text; put it in quotes", i+1)
			}
			values = append(values, s)
		}
		return values, true, ""
	}
	return nil, false, `a text is wanted, and this is ` + describe(v) + `; put it in quotes, as in {value: "…"}`
}

func describe(v any) string {
	switch v.(type) {
	case bool:
		return "true or false"
	case int, int64, float64:
		return "a number"
	case map[string]any:
		return "an object"
	}
	return "something else"
}
