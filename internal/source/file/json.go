package file

import (
	"bytes"
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

// objects reads JSON: it finds where each object begins and ends, which gives its place, and leaves the rest to
// encoding/json.
type objects struct {
	store   *store
	content content
	limit   *limit
	offset  int64
	line    int
	// path leads to the list within a document.
	path []string
	// members are what the document says beside the list and its parents.
	members []member
	// array tells an array of objects from one object after the other.
	array bool
	// begun: the opening bracket was read. wanted: a comma was read, so that an object must follow.
	begun, wanted bool
	count         int
	seen          map[string]bool
	nestedID      bool
	// first is the first object.
	first  map[string]any
	buffer []byte
}

func newObjects(c content, limited *limit, s *store) *objects {
	// An object bounds itself.
	limited.unlimited = true
	o := &objects{store: s, content: c, limit: limited, offset: c.skipped, line: 1, array: s.format == formatJSON, seen: map[string]bool{}}
	if s.settings.Records != "" {
		o.path = strings.Split(s.settings.Records, ".")
	}
	return o
}

func (o *objects) layout() (layout, error) {
	return objectLayout(slices.Sorted(maps.Keys(o.seen)), o.nestedID, o.store)
}

func (o *objects) text() []byte {
	if o.content.text == nil {
		return nil
	}
	return o.content.text.Bytes()
}

// open is of objects one after the other; a document shows its end.
func (o *objects) open() bool { return !o.array && o.content.openAfter(o.limit.last) }

func (o *objects) doubtful() bool { return false }

func (o *objects) next() (row, error) {
	if err := o.toObject(); err != nil {
		return row{}, err
	}
	r := row{line: o.line, start: o.offset - 1}
	if err := o.readObject(); err != nil {
		return row{}, err
	}
	o.count++
	r.length = o.offset - r.start
	r.object, r.wrong = parseObject(o.buffer)
	for name := range r.object {
		o.seen[name] = true
	}
	if _, nested := lookup(r.object, o.store.settings.idColumn()); nested {
		o.nestedID = true
	}
	if o.count == 1 {
		o.first = r.object
	}
	return r, nil
}

// toObject reads up to and including the next object's opening brace. io.EOF is the proper end.
func (o *objects) toObject() error {
	newline := o.count == 0
	for {
		b, err := o.readByte()
		if err == io.EOF {
			return o.ended()
		}
		if err != nil {
			return err
		}
		switch {
		case b == '\n':
			newline = true
		case b == ' ' || b == '\t' || b == '\r':
		case o.array && !o.begun:
			if err := o.begin(b); err != nil {
				return err
			}
			if !o.array {
				return nil
			}
		case b == '{' && (o.wanted || o.count == 0 || (!o.array && newline)):
			o.wanted = false
			return nil
		case o.array && b == ',' && o.count > 0 && !o.wanted:
			o.wanted = true
		case o.array && b == ']' && !o.wanted:
			return o.close()
		case b == 0x1a && !o.array:
			// An end-of-file mark of old programs.
			return o.onlySpace()
		default:
			return o.unexpected("something else than an object stands where an object must")
		}
	}
}

// begin takes the first byte of a document.
func (o *objects) begin(b byte) error {
	switch {
	case b == '{' && len(o.path) > 0:
		if err := o.descend(); err != nil {
			return err
		}
	case b == '{':
		// Not an array: one object a line, as long as nothing shows that it is one document with a list in it.
		o.array = false
		return nil
	case b != '[':
		return o.unexpected("the file must be an array of objects, or have one object a line")
	case len(o.path) > 0:
		return o.unexpected("the document is the list itself; remove source.records")
	}
	o.begun = true
	return nil
}

// ended is the end of the file between two objects.
func (o *objects) ended() error {
	switch {
	case o.array && o.begun:
		return o.cut()
	case o.count == 0:
		return malformed(o.store.place.name, "the file is empty")
	case o.count == 1 && o.store.format == formatJSON:
		if lists := listsIn(o.first, ""); len(lists) > 0 {
			wrong := malformed(o.store.place.name, "it is one object, and the people must be a list; name the list with source.records")
			wrong.Err = source.Hint("It has " + strings.Join(lists, ", "))
			return wrong
		}
	}
	return io.EOF
}

// listsIn finds the lists of objects in an object, by their paths.
func listsIn(object map[string]any, path string) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		switch v := object[name].(type) {
		case []any:
			if len(v) == 0 {
				found = append(found, at)
			} else if _, objects := v[0].(map[string]any); objects {
				found = append(found, at)
			}
		case map[string]any:
			if strings.Count(path, ".") < 3 {
				found = append(found, listsIn(v, at)...)
			}
		}
	}
	return found
}

// onlySpace makes sure that nothing follows the document.
func (o *objects) onlySpace() error {
	for {
		switch b, err := o.readByte(); {
		case err != nil:
			return err
		case b != ' ' && b != '\t' && b != '\r' && b != '\n' && b != 0x1a:
			return o.unexpected("something follows the end of the document")
		}
	}
}

// readObject reads the rest of an object, whose brace was just read, into the buffer.
func (o *objects) readObject() error {
	o.buffer = append(o.buffer[:0], '{')
	return o.readNested()
}

// readNested reads the rest of an object or list whose opening is in the buffer.
func (o *objects) readNested() error {
	first := o.line
	depth, quoted, escaped := 1, false, false
	for depth > 0 {
		b, err := o.readByte()
		if err == io.EOF {
			return o.cut()
		}
		if err != nil {
			return err
		}
		if o.buffer = append(o.buffer, b); len(o.buffer) > maxRecord {
			o.line = first
			return o.unexpected(fmt.Sprintf("an object longer than %d bytes; is a quote or brace missing?", maxRecord))
		}
		switch {
		case escaped:
			escaped = false
		case quoted && b == '\\':
			escaped = true
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
	}
	return nil
}

func (o *objects) readByte() (byte, error) {
	b, err := o.content.in.ReadByte()
	if err == io.EOF {
		return 0, io.EOF
	}
	if err != nil {
		return 0, o.store.place.fault(err)
	}
	o.offset++
	if b == '\n' {
		o.line++
	}
	return b, nil
}

func (o *objects) unexpected(note string) error {
	found := problems{file: o.store.place.name}
	found.add(fault.SourceMalformed, note, o.line)
	return found.err()
}

func (o *objects) cut() error {
	found := problems{file: o.store.place.name}
	found.add(fault.SourceIncomplete, "the file ends before its JSON does", o.line)
	return found.err()
}

// parseObject reads one object. wrong says why it cannot.
func parseObject(text []byte) (object map[string]any, wrong string) {
	if wrong = textual(string(text)); wrong != "" {
		return nil, wrong
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, "not valid JSON; correct it, or export it again"
	}
	keys, wrong := plain(object)
	if wrong != "" {
		return nil, wrong
	}
	// encoding/json keeps the last of several equal keys; which one was meant is not known.
	if keys != countKeys(text) {
		return nil, "the same key twice in one object"
	}
	return object, ""
}

// plain turns, in place, numbers into int64 or float64 and null into "", cleans texts, and counts the keys of all objects.
func plain(object map[string]any) (keys int, wrong string) {
	for name, value := range object {
		if name == "" {
			return 0, "an empty key"
		}
		v, inner, wrong := plainValue(value)
		if wrong != "" {
			return 0, wrong
		}
		object[name] = v
		keys += 1 + inner
	}
	return keys, ""
}

func plainValue(value any) (plainly any, keys int, wrong string) {
	switch v := value.(type) {
	case nil:
		return "", 0, ""
	case string:
		return source.Clean(v), 0, ""
	case json.Number:
		plainly, wrong = plainNumber(v.String())
		return plainly, 0, wrong
	case map[string]any:
		keys, wrong = plain(v)
		return v, keys, wrong
	case []any:
		for i := range v {
			var inner int
			if v[i], inner, wrong = plainValue(v[i]); wrong != "" {
				return nil, 0, wrong
			}
			keys += inner
		}
		return v, keys, ""
	}
	return value, 0, ""
}

func plainNumber(text string) (any, string) {
	if isWhole(text) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, ""
		}
		// A float64 would change its digits, and such numbers are identifiers.
		return text, ""
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, "a number that is too large"
	}
	return n, ""
}

func isWhole(number string) bool { return !strings.ContainsAny(number, ".eE") }

// countKeys counts the keys of an object and of all objects in it: one for each colon outside strings.
func countKeys(text []byte) int {
	keys, quoted, escaped := 0, false, false
	for _, b := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && b == '\\':
			escaped = true
		case b == '"':
			quoted = !quoted
		case b == ':' && !quoted:
			keys++
		}
	}
	return keys
}

// jsonID gives the id that a value stands for; note says why it is none.
func jsonID(value any) (id string, note string) {
	switch v := value.(type) {
	case nil:
		return "", ""
	case string:
		return v, ""
	case int64:
		return strconv.FormatInt(v, 10), ""
	}
	return "", "the id is neither text nor a whole number"
}
