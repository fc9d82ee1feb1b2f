package source

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Decode reads settings from JSON, key by key, so that everything wrong with them is reported at once. Keys of structs are
// their json tags; a type that reads its JSON itself (json.Unmarshaler) says in its error what to write.
func Decode(text json.RawMessage, into any, report Report) {
	decodeStruct(text, reflect.ValueOf(into).Elem(), "", report)
}

// Keys are the keys of a settings struct, in its order.
func Keys(settings any) []string {
	t := reflect.TypeOf(settings)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var keys []string
	for i := range t.NumField() {
		if name := tagOf(t.Field(i)); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

func tagOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return strings.Trim(name, "-")
}

func decodeStruct(text json.RawMessage, into reflect.Value, path string, report Report) {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		report.Problem(path, "these are keys and values; write them below, indented")
		return
	}
	fields := map[string]reflect.Value{}
	for i := range into.NumField() {
		if name := tagOf(into.Type().Field(i)); name != "" {
			fields[name] = into.Field(i)
		}
	}
	keys := make([]string, 0, len(members))
	for key := range members {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		at := key
		if path != "" {
			at = path + "." + key
		}
		field, known := fields[key]
		if !known {
			report.Unknown(at, Keys(into.Interface()))
			continue
		}
		decodeField(members[key], field, at, report)
	}
}

func decodeField(text json.RawMessage, field reflect.Value, path string, report Report) {
	if reads, ok := field.Addr().Interface().(json.Unmarshaler); ok {
		if err := reads.UnmarshalJSON(text); err != nil {
			report.Problem(path, err.Error())
		}
		return
	}
	if field.Kind() == reflect.Struct {
		decodeStruct(text, field, path, report)
		return
	}
	if string(text) == "null" || json.Unmarshal(text, field.Addr().Interface()) != nil {
		report.Problem(path, wanted(field.Kind()))
	}
}

// wanted says what to write for a value of the wrong kind.
func wanted(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "it is not a text; write one, in quotes if it looks like something else"
	case reflect.Bool:
		return "it is neither true nor false; write one of them"
	case reflect.Int, reflect.Int64:
		return "it is not a whole number; write one"
	case reflect.Slice:
		return "it is not a list of texts; write one, as in [a, b]"
	}
	return "it cannot be read; correct it"
}
