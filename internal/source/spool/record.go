package spool

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// kept is a record as it is written. JSON has one kind of number, so that a decimal one is written with a point or an
// exponent and a whole one without.
type kept struct {
	Enabled bool           `json:"e,omitempty"`
	Doubt   bool           `json:"d,omitempty"`
	Fault   *keptFault     `json:"x,omitempty"`
	Fields  map[string]any `json:"f"`
}

// keptFault is why a record's enabled value cannot be read.
type keptFault struct {
	Kind    fault.Kind   `json:"k"`
	Reason  fault.Reason `json:"r"`
	Subject string       `json:"s,omitempty"`
}

func encode(r source.Record) ([]byte, error) {
	k := kept{Enabled: r.Enabled, Doubt: r.Doubt, Fields: make(map[string]any, len(r.Fields))}
	if r.EnabledErr != nil {
		f := fault.Of(r.EnabledErr)
		k.Fault = &keptFault{f.Kind, f.Reason, f.Subject}
	}
	for name, value := range r.Fields {
		k.Fields[name] = written(value)
	}
	return json.Marshal(k)
}

// written marks decimal numbers as such.
func written(value any) any {
	switch v := value.(type) {
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") && !math.IsInf(v, 0) && !math.IsNaN(v) {
			text += ".0"
		}
		return json.Number(text)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = written(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = written(v[name])
		}
		return out
	}
	return value
}

// decode gives the record back, with every column present.
func (c *Copy) decode(id string, text []byte) (source.Record, error) {
	var k kept
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&k); err != nil {
		return source.Record{}, err
	}
	r := source.Record{ID: id, Enabled: k.Enabled, Doubt: k.Doubt, Fields: make(map[string]any, len(c.columns.Names))}
	if k.Fault != nil {
		r.EnabledErr = fault.New(op, k.Fault.Kind, k.Fault.Reason, k.Fault.Subject)
	}
	for _, name := range c.columns.Names {
		value, has := k.Fields[name]
		if !has {
			r.Fields[name] = ""
			continue
		}
		v, err := read(value)
		if err != nil {
			return source.Record{}, err
		}
		r.Fields[name] = v
	}
	return r, nil
}

func read(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return v.Float64()
		}
		return v.Int64()
	case []any:
		for i := range v {
			if v[i], err = read(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range v {
			if v[name], err = read(v[name]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}
