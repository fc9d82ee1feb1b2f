package pingoneimport

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// translate writes an expression of PingOne's language (PEL, a restricted SpEL) as one of entraflow's. What has no exact counterpart
// is an error that names it, never a guess.
// https://docs.pingidentity.com/pingone/pingone_expression_language/
func translate(text string) (string, error) {
	all, err := words(text)
	if err != nil {
		return "", err
	}
	t := &translator{words: all}
	e, err := t.choice()
	if err != nil {
		return "", err
	}
	if t.peek().kind != end {
		return "", fmt.Errorf("%q is not understood", t.peek().text)
	}
	return e.text, nil
}

// Strength of an expression's outermost operator: what binds less is put in parentheses.
const (
	choosing = iota
	disjunction
	conjunction
	comparison
	sum
	single
)

// expr is an expression of entraflow.
type expr struct {
	text     string
	strength int
	// truth: it is surely true or false.
	truth bool
	// literal is the text of a literal; isLiteral says that it is one.
	literal   string
	isLiteral bool
	// null is PingOne's null; entraflow has the empty text in its place.
	null bool
	// pairs are those of a map: key, value, key, value …
	pairs []expr
}

// within is the text where an operator binds so much.
func (e expr) within(strength int) string {
	if e.strength < strength {
		return "(" + e.text + ")"
	}
	return e.text
}

type translator struct {
	words []word
	at    int
	depth int
}

func (t *translator) peek() word { return t.words[t.at] }

func (t *translator) take() word {
	w := t.words[t.at]
	if w.kind != end {
		t.at++
	}
	return w
}

// is takes the next word if it is this sign, or one of these names in any case.
func (t *translator) is(mark string, names ...string) bool {
	w := t.peek()
	found := w.kind == sign && w.text == mark
	for _, n := range names {
		found = found || w.kind == name && strings.EqualFold(w.text, n)
	}
	if found {
		t.at++
	}
	return found
}

func (t *translator) expect(mark string) error {
	if !t.is(mark) {
		return fmt.Errorf("%q is missing", mark)
	}
	return nil
}

// choice is `a ? b : c`, `a ?: b`, or what binds more.
func (t *translator) choice() (expr, error) {
	if t.depth++; t.depth > 50 {
		return expr{}, errors.New("it is nested too deeply")
	}
	defer func() { t.depth-- }()
	e, err := t.or()
	if err != nil {
		return e, err
	}
	switch {
	case t.is("?:"):
		other, err := t.choice()
		if err != nil {
			return e, err
		}
		if n := len(e.pairs); n > 0 {
			// A map with a default: the last value of choose.
			return call("choose", append(e.pairs[:n-1:n-1], other)...), nil
		}
		return call("first", e, other), nil
	case t.is("?"):
		then, err := t.choice()
		if err != nil {
			return e, err
		}
		if err := t.expect(":"); err != nil {
			return e, err
		}
		otherwise, err := t.choice()
		if err != nil {
			return e, err
		}
		return conditional(e, then, otherwise)
	}
	return e, nil
}

func conditional(condition, then, otherwise expr) (expr, error) {
	if !condition.truth {
		return expr{}, errors.New("a condition is neither a comparison nor an attribute that is true or false")
	}
	return expr{text: condition.within(disjunction) + " ? " + then.within(disjunction) + " : " + otherwise.text, strength: choosing,
		truth: then.truth && otherwise.truth}, nil
}

func (t *translator) or() (expr, error) {
	return t.logical(t.and, "||", "or", disjunction)
}

func (t *translator) and() (expr, error) {
	return t.logical(t.compare, "&&", "and", conjunction)
}

func (t *translator) logical(part func() (expr, error), mark, named string, strength int) (expr, error) {
	e, err := part()
	for err == nil && t.is(mark, named) {
		var other expr
		if other, err = part(); err == nil {
			if !e.truth || !other.truth {
				return e, fmt.Errorf("%s joins something that is not surely true or false", named)
			}
			e = expr{text: e.within(strength) + " " + mark + " " + other.within(strength+1), strength: strength, truth: true}
		}
	}
	return e, err
}

// comparisons are the operators with their names.
var comparisons = []struct{ mark, named string }{{"==", "eq"}, {"!=", "ne"}, {"<=", "le"}, {">=", "ge"}, {"<", "lt"}, {">", "gt"}}

func (t *translator) compare() (expr, error) {
	e, err := t.sum()
	if err != nil {
		return e, err
	}
	if t.is("", "matches") {
		pattern, err := t.sum()
		if err != nil {
			return e, err
		}
		if !pattern.isLiteral {
			return e, errors.New("matches has a pattern that is no literal")
		}
		// SpEL matches the whole text.
		whole := "^(?:" + pattern.literal + ")$"
		if _, err := regexp.Compile(whole); err != nil {
			return e, errors.New("the pattern of matches is not one of RE2")
		}
		return expr{text: e.within(single) + ".matches(" + strconv.Quote(whole) + ")", strength: single, truth: true}, nil
	}
	for _, c := range comparisons {
		if !t.is(c.mark, c.named) {
			continue
		}
		other, err := t.sum()
		if err != nil {
			return e, err
		}
		return expr{text: e.within(sum) + " " + c.mark + " " + other.within(sum), strength: comparison, truth: true}, nil
	}
	return e, nil
}

func (t *translator) sum() (expr, error) {
	e, err := t.unary()
	for err == nil && t.is("+") {
		var other expr
		if other, err = t.unary(); err == nil {
			e = expr{text: e.within(sum) + " + " + other.within(single), strength: sum}
		}
	}
	if w := t.peek(); err == nil && w.kind == sign && strings.Contains("-*/%", w.text) {
		err = fmt.Errorf("arithmetic with %q is not carried over", w.text)
	}
	return e, err
}

func (t *translator) unary() (expr, error) {
	if !t.is("!", "not") {
		return t.value()
	}
	e, err := t.unary()
	if err == nil && !e.truth {
		err = errors.New("not stands before something that is not surely true or false")
	}
	return expr{text: "!" + e.within(single), strength: single, truth: true}, err
}

// value is a literal, an attribute, a call, a map, or something in parentheses.
func (t *translator) value() (expr, error) {
	switch w := t.take(); {
	case w.kind == literal:
		return literally(w.text), nil
	case w.kind == number:
		return expr{text: w.text, strength: single}, nil
	case w.kind == library && w.text == "root":
		return t.path("")
	case w.kind == library:
		return t.function(w.text)
	case w.kind == name:
		switch strings.ToLower(w.text) {
		case "true", "false":
			return expr{text: strings.ToLower(w.text), strength: single, truth: true}, nil
		case "null":
			return expr{text: `""`, strength: single, null: true}, nil
		case "user":
			return t.path("")
		}
		return t.path(w.text)
	case w.text == "(":
		e, err := t.choice()
		if err != nil {
			return e, err
		}
		return e, t.expect(")")
	case w.text == "{":
		return t.table()
	case w.kind == end:
		return expr{}, errors.New("it ends too early")
	default:
		return expr{}, fmt.Errorf("%q is not carried over", w.text)
	}
}

func literally(text string) expr {
	return expr{text: strconv.Quote(text), strength: single, literal: text, isLiteral: true}
}

// truths are the attributes of users that are true or false.
var truths = map[string]bool{"user.enabled": true, "user.mfaEnabled": true, "user.emailVerified": true, "user.account.canAuthenticate": true}

// path is an attribute: user.name.given, name.given, #root.name.given or user['name']['given'].
func (t *translator) path(first string) (expr, error) {
	text := "user"
	if first != "" {
		text += "." + first
	}
	for {
		switch {
		case t.is("."):
			w := t.take()
			if w.kind != name {
				return expr{}, errors.New("a name is missing after a full stop")
			}
			text += "." + w.text
		case t.is("["):
			w := t.take()
			if w.kind != literal {
				return expr{}, errors.New("an item of a list by its place is not carried over")
			}
			if attributeName.MatchString(w.text) {
				text += "." + w.text
			} else {
				text += "[" + strconv.Quote(w.text) + "]"
			}
			if err := t.expect("]"); err != nil {
				return expr{}, err
			}
		case t.is("("):
			return expr{}, errors.New("calls of methods are not carried over")
		default:
			if w := t.peek(); w.kind == sign && strings.HasPrefix(w.text, ".") {
				return expr{}, errors.New("selections from lists are not carried over")
			}
			if text == "user" {
				return expr{}, errors.New("the whole person is no value")
			}
			return expr{text: text, strength: single, truth: truths[text]}, nil
		}
	}
}

var attributeName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// table is `{'a': 'x', 'b': 'y'}[key]`.
func (t *translator) table() (expr, error) {
	var pairs []expr
	for {
		key, err := t.value()
		if err != nil {
			return key, err
		}
		if err := t.expect(":"); err != nil {
			return expr{}, errors.New("lists are not carried over")
		}
		value, err := t.value()
		if err != nil {
			return value, err
		}
		pairs = append(pairs, key, value)
		if !t.is(",") {
			break
		}
	}
	if err := t.expect("}"); err != nil {
		return expr{}, err
	}
	if err := t.expect("["); err != nil {
		return expr{}, errors.New("a map is no value")
	}
	key, err := t.choice()
	if err != nil {
		return key, err
	}
	if err := t.expect("]"); err != nil {
		return expr{}, err
	}
	all := append([]expr{key}, pairs...)
	all = append(all, literally(""))
	e := call("choose", all...)
	e.pairs = all
	return e, nil
}

// call is a function of entraflow.
func call(function string, arguments ...expr) expr {
	texts := make([]string, len(arguments))
	for i, a := range arguments {
		texts[i] = a.text
	}
	return expr{text: function + "(" + strings.Join(texts, ", ") + ")", strength: single}
}
