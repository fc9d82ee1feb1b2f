package file

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// A JSON document may hold the people in a list under a key, as answers of interfaces do. Such an answer is often one page
// of several: whoever is not on it would seem to have left. What the document says of itself is therefore read, too.

// member is what the document says under one key beside the list.
type member struct {
	name  string
	value any
}

// descend reads the document, whose opening brace was just read, up to and including the opening bracket of the list.
func (o *objects) descend() error {
	for depth, key := range o.path {
		found, err := o.find(key)
		if err != nil {
			return err
		}
		if !found {
			return o.noList(depth)
		}
		want, last := byte('{'), depth == len(o.path)-1
		if last {
			want = '['
		}
		b, err := o.skipSpace()
		if err != nil {
			return err
		}
		if b != want {
			return o.noList(depth)
		}
	}
	return nil
}

// find reads the members of an object up to the value of a key, and keeps the others.
func (o *objects) find(key string) (found bool, err error) {
	for {
		name, more, err := o.key()
		if err != nil || !more {
			return false, err
		}
		if name == key {
			return true, nil
		}
		if err := o.keep(name); err != nil {
			return false, err
		}
	}
}

// key reads the next key of an object with its colon; more is false at the object's end.
func (o *objects) key() (name string, more bool, err error) {
	b, err := o.skipSpace()
	for err == nil && b == ',' {
		b, err = o.skipSpace()
	}
	switch {
	case err != nil:
		return "", false, err
	case b == '}':
		return "", false, nil
	case b != '"':
		return "", false, o.unexpected("not valid JSON; correct it, or export it again")
	}
	if err := o.readString(); err != nil {
		return "", false, err
	}
	if json.Unmarshal(o.buffer, &name) != nil {
		return "", false, o.unexpected("not valid JSON; correct it, or export it again")
	}
	if b, err = o.skipSpace(); err != nil {
		return "", false, err
	}
	if b != ':' {
		return "", false, o.unexpected("not valid JSON; correct it, or export it again")
	}
	return name, true, nil
}

// keep reads a value and keeps it with its key.
func (o *objects) keep(name string) error {
	b, err := o.skipSpace()
	if err != nil {
		return err
	}
	o.buffer = append(o.buffer[:0], b)
	switch b {
	case '{', '[':
		err = o.readNested()
	case '"':
		err = o.readString()
	default:
		err = o.readWord()
	}
	if err != nil {
		return err
	}
	var value any
	if json.Unmarshal(o.buffer, &value) != nil {
		return o.unexpected("not valid JSON; correct it, or export it again")
	}
	o.members = append(o.members, member{name, value})
	return nil
}

// readString reads the rest of a text, whose quote was just read, into the buffer.
func (o *objects) readString() error {
	o.buffer = append(o.buffer[:0], '"')
	for escaped := false; ; {
		b, err := o.readByte()
		if err == io.EOF {
			return o.cut()
		}
		if err != nil {
			return err
		}
		if o.buffer = append(o.buffer, b); len(o.buffer) > maxRecord {
			return o.unexpected("a text that does not end; is a quote missing?")
		}
		switch {
		case escaped:
			escaped = false
		case b == '\\':
			escaped = true
		case b == '"':
			return nil
		}
	}
}

// readWord reads the rest of a number, true, false or null.
func (o *objects) readWord() error {
	for {
		next, err := o.content.in.Peek(1)
		if err != nil {
			return o.cut()
		}
		if strings.IndexByte(" \t\r\n,}]", next[0]) >= 0 {
			return nil
		}
		b, err := o.readByte()
		if err != nil {
			return err
		}
		o.buffer = append(o.buffer, b)
	}
}

// skipSpace gives the next byte that is no blank.
func (o *objects) skipSpace() (byte, error) {
	for {
		b, err := o.readByte()
		switch {
		case err == io.EOF:
			return 0, o.cut()
		case err != nil:
			return 0, err
		case b != ' ' && b != '\t' && b != '\r' && b != '\n':
			return b, nil
		}
	}
}

// noList says that a path leads to no list, and which lists there are.
func (o *objects) noList(depth int) error {
	object := map[string]any{}
	for _, m := range o.members {
		object[m.name] = m.value
	}
	wrong := malformed(o.store.place.name, fmt.Sprintf("source.records: there is no list at %s; correct the path", strings.Join(o.path[:depth+1], ".")))
	if lists := listsIn(object, ""); depth == 0 && len(lists) > 0 {
		wrong.Err = source.Hint("It has " + strings.Join(lists, ", "))
	}
	return wrong
}

// close reads what follows the list to the end of the document, and refuses a document that is a part only.
func (o *objects) close() error {
	for range o.path {
		if _, err := o.find("\x00"); err != nil {
			return err
		}
	}
	if why := partial(o.members, o.count); why != "" {
		return fault.New(op, fault.Invalid, fault.SourceIncomplete,
			o.store.place.name+" (its "+why+" says that it is only a part of the list; export all of it into one document)")
	}
	return o.onlySpace()
}

// Keys by which documents tell that they are parts, without case, dashes and what stands before a dot or an @.
var (
	totals = []string{"totalresults", "totalcount", "total", "count", "totalsize", "totalrecords", "totalitems", "totalelements", "resultcount", "recordcount"}
	onward = []string{"next", "nextlink", "nextpage", "nextcursor", "nextpagetoken", "nexttoken", "nexturl", "nextrecordsurl", "nexthref", "continuationtoken", "skiptoken"}
	flags  = map[string]bool{"hasmore": true, "more": true, "hasnext": true, "hasnextpage": true, "moreresults": true, "truncated": true, "istruncated": true,
		"incomplete": true, "last": false, "islast": false, "lastpage": false, "islastpage": false, "complete": false, "done": false}
	// Above these numbers a document does not begin with the first record, or is not the only one. Pages are counted from 0 or 1.
	begins = map[string]float64{"startindex": 1, "offset": 0, "skip": 0, "page": 1, "pagenumber": 1, "currentpage": 1, "pageindex": 1, "number": 1,
		"pages": 1, "totalpages": 1, "pagecount": 1, "lastpage": 1}
	around = []string{"links", "paging", "pagination", "page", "meta", "metadata", "pageinfo", "cursor"}
)

// partial names the key by which a document says that it holds less than everything, or "".
func partial(members []member, count int) string {
	for _, m := range members {
		name := strings.ToLower(m.name[strings.LastIndexAny(m.name, ".@")+1:])
		name = strings.NewReplacer("_", "", "-", "").Replace(name)
		value := m.value
		if text, ok := value.(string); ok && !slices.Contains(onward, name) {
			if n, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
				value = n
			}
		}
		switch v := value.(type) {
		case float64:
			if slices.Contains(totals, name) && v > float64(count) {
				return m.name
			}
			if first, known := begins[name]; known && v > first {
				return m.name
			}
		case bool:
			if partly, known := flags[name]; known && v == partly || slices.Contains(onward, name) && v {
				return m.name
			}
		case string:
			if slices.Contains(onward, name) && v != "" {
				return m.name
			}
		case map[string]any:
			if slices.Contains(onward, name) && len(v) > 0 {
				return m.name
			}
			if slices.Contains(around, name) {
				var inner []member
				for _, key := range slices.Sorted(maps.Keys(v)) {
					inner = append(inner, member{key, v[key]})
				}
				if why := partial(inner, count); why != "" {
					return m.name + "." + why
				}
			}
		case []any:
			for _, link := range v {
				if l, ok := link.(map[string]any); ok && slices.Contains(around, name) && (l["rel"] == "next" || l["relation"] == "next") {
					return m.name
				}
			}
		}
	}
	return ""
}
