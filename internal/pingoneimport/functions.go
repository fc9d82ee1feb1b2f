package pingoneimport

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// function translates a call from one of PingOne's libraries, as in #string.upperCase(x).
func (t *translator) function(library string) (expr, error) {
	if err := t.expect("."); err != nil {
		return expr{}, fmt.Errorf("the variable #%s is not carried over", library)
	}
	full := "#" + library + "." + t.take().text
	if err := t.expect("("); err != nil {
		return expr{}, err
	}
	var arguments []expr
	for !t.is(")") {
		if len(arguments) > 0 {
			if err := t.expect(","); err != nil {
				return expr{}, err
			}
		}
		a, err := t.choice()
		if err != nil {
			return a, err
		}
		arguments = append(arguments, a)
	}
	f, ok := functions[full]
	if !ok {
		return expr{}, errors.New(full + " is not carried over")
	}
	if len(arguments) < f.least || f.most > 0 && len(arguments) > f.most {
		return expr{}, errors.New(full + " has another number of arguments than is known")
	}
	return f.translate(arguments)
}

// functions are those with an exact counterpart.
var functions = map[string]struct {
	least, most int
	translate   func(a []expr) (expr, error)
}{
	"#string.upperCase": {1, 1, func(a []expr) (expr, error) { return call("upper", a...), nil }},
	"#string.lowerCase": {1, 1, func(a []expr) (expr, error) { return call("lower", a...), nil }},
	"#string.trim": {1, 1, func(a []expr) (expr, error) {
		return expr{text: a[0].within(single) + ".trim()", strength: single}, nil
	}},
	"#string.isNotEmpty": {1, 1, filled},
	"#string.isNotBlank": {1, 1, func(a []expr) (expr, error) {
		return expr{text: call("first", a[0], literally("")).text + ` != ""`, strength: comparison, truth: true}, nil
	}},
	"#string.substring": {3, 3, func(a []expr) (expr, error) {
		if n, err := strconv.Atoi(a[2].text); a[0].null || a[1].text != "0" || err != nil || n < 1 {
			return expr{}, errors.New("#string.substring is carried over from the first character only, to a number")
		}
		return call("left", a[0], a[2]), nil
	}},
	"#core.ifelse": {2, 0, func(a []expr) (expr, error) {
		otherwise := literally("")
		if len(a)%2 == 1 {
			otherwise, a = a[len(a)-1], a[:len(a)-1]
		}
		for i := len(a) - 2; i >= 0; i -= 2 {
			var err error
			if otherwise, err = conditional(a[i], a[i+1], otherwise); err != nil {
				return expr{}, err
			}
		}
		return otherwise, nil
	}},
	"#core.switchExpr": {3, 0, func(a []expr) (expr, error) {
		if len(a)%2 == 1 {
			a = append(a[:len(a):len(a)], literally(""))
		}
		return call("choose", a...), nil
	}},
	"#regex.replaceAll": {3, 3, func(a []expr) (expr, error) {
		if !a[1].isLiteral || !a[2].isLiteral {
			return expr{}, errors.New("#regex.replaceAll has a pattern that is no literal")
		}
		if _, err := regexp.Compile(a[1].literal); err != nil {
			return expr{}, errors.New("the pattern of #regex.replaceAll is not one of RE2")
		}
		return call("replaceRegex", a...), nil
	}},
}

func filled(a []expr) (expr, error) {
	return expr{text: a[0].within(sum) + ` != ""`, strength: comparison, truth: true}, nil
}
