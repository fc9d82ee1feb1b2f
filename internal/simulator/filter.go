package simulator

import (
	"strings"
)

// expr is a parsed $filter.
type expr struct {
	op     string // and or not eq ne gt ge lt le in startswith endswith contains any
	args   []*expr
	name   string // the property; canonical once checked
	member string // what any() compares of each element: "" for the element itself, or skuId
	values []any  // string, bool or nil
}

// object is what a filter judges and a page shows.
type object interface {
	// value gives a property by its exact name; nil when it is not set.
	value(name string) any
}

var errFilter = badOData("Invalid filter clause")

// parseFilter reads the part of OData's filter language that the directory knows.
func parseFilter(text string) (*expr, *refusal) {
	p := &filterParser{rest: text}
	p.next()
	e, fail := p.or()
	if fail == nil && p.kind != tokenEnd {
		fail = errFilter
	}
	return e, fail
}

const (
	tokenEnd = iota
	tokenWord
	tokenText
	tokenMark // ( ) ,
	tokenBad
)

type filterParser struct {
	rest  string
	kind  int
	token string
	depth int
}

func (p *filterParser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if p.rest == "" {
		p.kind, p.token = tokenEnd, ""
		return
	}
	switch c := p.rest[0]; {
	case c == '(' || c == ')' || c == ',':
		p.kind, p.token, p.rest = tokenMark, p.rest[:1], p.rest[1:]
	case c == '\'':
		var b strings.Builder
		i := 1
		for ; i < len(p.rest); i++ {
			if p.rest[i] != '\'' {
				b.WriteByte(p.rest[i])
				continue
			}
			if i+1 < len(p.rest) && p.rest[i+1] == '\'' {
				b.WriteByte('\'')
				i++
				continue
			}
			p.kind, p.token, p.rest = tokenText, b.String(), p.rest[i+1:]
			return
		}
		p.kind = tokenBad // no closing quote
	default:
		i := strings.IndexAny(p.rest, " \t(),'")
		if i < 0 {
			i = len(p.rest)
		}
		p.kind, p.token, p.rest = tokenWord, p.rest[:i], p.rest[i:]
	}
}

func (p *filterParser) word(w string) bool {
	if p.kind == tokenWord && strings.EqualFold(p.token, w) {
		p.next()
		return true
	}
	return false
}

func (p *filterParser) mark(m string) bool {
	if p.kind == tokenMark && p.token == m {
		p.next()
		return true
	}
	return false
}

func (p *filterParser) or() (*expr, *refusal) { return p.chain("or", p.and) }

func (p *filterParser) and() (*expr, *refusal) { return p.chain("and", p.unary) }

func (p *filterParser) chain(op string, operand func() (*expr, *refusal)) (*expr, *refusal) {
	first, fail := operand()
	if fail != nil {
		return nil, fail
	}
	args := []*expr{first}
	for p.word(op) {
		e, fail := operand()
		if fail != nil {
			return nil, fail
		}
		args = append(args, e)
	}
	if len(args) == 1 {
		return first, nil
	}
	return &expr{op: op, args: args}, nil
}

func (p *filterParser) unary() (*expr, *refusal) {
	// Depth is bounded, so that a hostile filter cannot use up the stack.
	if p.depth++; p.depth > 200 {
		return nil, errFilter
	}
	defer func() { p.depth-- }()
	if p.word("not") {
		e, fail := p.unary()
		if fail != nil {
			return nil, fail
		}
		return &expr{op: "not", args: []*expr{e}}, nil
	}
	if p.mark("(") {
		e, fail := p.or()
		if fail != nil {
			return nil, fail
		}
		if !p.mark(")") {
			return nil, errFilter
		}
		return e, nil
	}
	return p.comparison()
}

func (p *filterParser) comparison() (*expr, *refusal) {
	if p.kind != tokenWord {
		return nil, errFilter
	}
	name := p.token
	p.next()
	if p.mark("(") {
		return p.call(name)
	}
	if p.kind != tokenWord {
		return nil, errFilter
	}
	op := strings.ToLower(p.token)
	p.next()
	switch op {
	case "eq", "ne", "gt", "ge", "lt", "le":
		v, fail := p.literal()
		if fail != nil {
			return nil, fail
		}
		return &expr{op: op, name: name, values: []any{v}}, nil
	case "in":
		return p.in(name)
	}
	return nil, errFilter
}

func (p *filterParser) in(name string) (*expr, *refusal) {
	e := &expr{op: "in", name: name}
	if !p.mark("(") {
		return nil, errFilter
	}
	for {
		v, fail := p.literal()
		if fail != nil {
			return nil, fail
		}
		e.values = append(e.values, v)
		if p.mark(")") {
			return e, nil
		}
		if !p.mark(",") {
			return nil, errFilter
		}
	}
}

// call reads startsWith(property,'x') and its kin, and collection/any(x:x eq 'y').
func (p *filterParser) call(name string) (*expr, *refusal) {
	if collection, ok := strings.CutSuffix(strings.ToLower(name), "/any"); ok {
		return p.anyOf(name[:len(collection)])
	}
	op := strings.ToLower(name)
	if op != "startswith" && op != "endswith" && op != "contains" {
		return nil, errFilter
	}
	if p.kind != tokenWord {
		return nil, errFilter
	}
	e := &expr{op: op, name: p.token}
	p.next()
	if !p.mark(",") {
		return nil, errFilter
	}
	v, fail := p.literal()
	if fail != nil {
		return nil, fail
	}
	e.values = []any{v}
	if !p.mark(")") {
		return nil, errFilter
	}
	if p.word("eq") && !p.word("true") {
		return nil, errFilter
	}
	return e, nil
}

func (p *filterParser) anyOf(collection string) (*expr, *refusal) {
	if p.kind != tokenWord {
		return nil, errFilter
	}
	variable, path, ok := strings.Cut(p.token, ":")
	if !ok || variable == "" {
		return nil, errFilter
	}
	p.next()
	if path == "" { // any(x: x eq …)
		path = p.token
		p.next()
	}
	member, inside := strings.CutPrefix(path, variable+"/")
	if !inside && path != variable {
		return nil, errFilter
	}
	if !inside {
		member = ""
	}
	if !p.word("eq") {
		return nil, errFilter
	}
	v, fail := p.literal()
	if fail != nil {
		return nil, fail
	}
	if !p.mark(")") {
		return nil, errFilter
	}
	return &expr{op: "any", name: collection, member: member, values: []any{v}}, nil
}

func (p *filterParser) literal() (any, *refusal) {
	kind, token := p.kind, p.token
	p.next()
	switch {
	case kind == tokenText:
		return token, nil
	case kind != tokenWord:
		return nil, errFilter
	case strings.EqualFold(token, "null"):
		return nil, nil
	case strings.EqualFold(token, "true"):
		return true, nil
	case strings.EqualFold(token, "false"):
		return false, nil
	case isID(token) || token[0] >= '0' && token[0] <= '9' || token[0] == '-':
		return token, nil // GUIDs, times and numbers compare as text
	}
	return nil, errFilter
}

// matches evaluates a checked filter. Text compares without case, as the directory does.
func (e *expr) matches(o object) bool {
	switch e.op {
	case "and":
		for _, a := range e.args {
			if !a.matches(o) {
				return false
			}
		}
		return true
	case "or":
		for _, a := range e.args {
			if a.matches(o) {
				return true
			}
		}
		return false
	case "not":
		return !e.args[0].matches(o)
	case "any":
		return e.anyMatches(o)
	}
	v := e.of(o)
	switch e.op {
	case "eq", "in":
		for _, want := range e.values {
			if same(v, want) {
				return true
			}
		}
		return false
	case "ne":
		return !same(v, e.values[0])
	}
	have, ok1 := v.(string)
	want, ok2 := e.values[0].(string)
	if !ok1 || !ok2 {
		return false
	}
	have, want = strings.ToLower(have), strings.ToLower(want)
	switch e.op {
	case "startswith":
		return strings.HasPrefix(have, want)
	case "endswith":
		return strings.HasSuffix(have, want)
	case "ge":
		return have >= want
	case "le":
		return have <= want
	case "gt":
		return have > want
	case "lt":
		return have < want
	}
	return false
}

// of reads the property, or the part of one that a path names.
func (e *expr) of(o object) any {
	if e.member == "" {
		return o.value(e.name)
	}
	m, _ := o.value(e.name).(map[string]any)
	return m[e.member]
}

func (e *expr) anyMatches(o object) bool {
	switch v := o.value(e.name).(type) {
	case []string:
		for _, s := range v {
			if same(s, e.values[0]) {
				return true
			}
		}
	case []assignedLicense:
		for _, l := range v {
			if same(l.SkuID, e.values[0]) {
				return true
			}
		}
	}
	return false
}

func same(have, want any) bool {
	if s, ok := have.(string); ok {
		w, ok := want.(string)
		return ok && strings.EqualFold(s, w)
	}
	if b, ok := have.(bool); ok {
		w, ok := want.(bool)
		return ok && b == w
	}
	return have == nil && want == nil
}
