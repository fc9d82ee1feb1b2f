package expression

import (
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The functions for dates. They rewrite a date and know no clock: the same record gives the same result on every day.
const (
	formatDateName = "formatDate"
	parseDateName  = "parseDate"
	// isoDate is what parseDate gives: dates in this form are in order when they are compared as texts.
	isoDate = "2006-01-02"
)

// datePatterns are the letters of a date pattern, as Unicode's technical standard 35, Java, PowerShell and Excel have them, with what
// Go's package time calls them.
// https://www.unicode.org/reports/tr35/tr35-dates.html#Date_Field_Symbol_Table
var datePatterns = map[string]string{
	"yyyy": "2006", "yy": "06", "MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1", "dd": "02", "d": "2", "EEEE": "Monday", "EEE": "Mon",
	"HH": "15", "hh": "03", "h": "3", "mm": "04", "m": "4", "ss": "05", "s": "5", "a": "PM",
	"XXX": "Z07:00", "XX": "Z0700", "X": "Z07", "xxx": "-07:00", "xx": "-0700", "Z": "-0700",
	"S": "0", "SS": "00", "SSS": "000", "SSSSSS": "000000", "SSSSSSS": "0000000",
}

func dateFunctions() []cel.EnvOption {
	text := cel.StringType
	return []cel.EnvOption{
		cel.Function(formatDateName, cel.Overload("format_date_string_string_string", []*cel.Type{text, text, text}, text,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				to, wrong := dateLayout(string(args[2].(types.String)))
				if wrong != "" {
					return fail(wrong)
				}
				return rewriteDate(formatDateName, args[0], args[1], to)
			}))),
		cel.Function(parseDateName, cel.Overload("parse_date_string_string", []*cel.Type{text, text}, text,
			cel.BinaryBinding(func(s, pattern ref.Val) ref.Val { return rewriteDate(parseDateName, s, pattern, isoDate) }))),
	}
}

// rewriteDate reads a date by a pattern and writes it in a layout, in the time zone in which it is written. Blank stays blank.
func rewriteDate(function string, s, pattern ref.Val, to string) ref.Val {
	text := strings.TrimSpace(string(s.(types.String)))
	if text == "" {
		return types.String("")
	}
	from, wrong := dateLayout(string(pattern.(types.String)))
	if wrong != "" {
		return fail(wrong)
	}
	at, err := time.Parse(from, text)
	if err != nil {
		return fail("the text that " + function + " reads is no date of the pattern that is given")
	}
	return types.String(at.Format(to))
}

// dateLayout turns a pattern into a layout of Go's. wrong says what a pattern has that cannot be used.
func dateLayout(pattern string) (layout, wrong string) {
	var out strings.Builder
	for rest := pattern; rest != ""; {
		c := rest[0]
		switch {
		case c == '\'':
			end := strings.IndexByte(rest[1:], '\'')
			if end < 0 {
				return "", "the pattern of a date has a quote that does not end"
			}
			literal := rest[1 : 1+end]
			if literal == "" {
				literal = "'"
			}
			// Go would take a word such as Jan, or a digit, for a part of the date.
			if literal != "T" && literal != "Z" && strings.ContainsFunc(literal, func(r rune) bool { return r >= '0' && r <= '9' || r == '_' || 'A' <= r && r <= 'Z' }) {
				return "", "the pattern of a date may have T, Z, small letters and signs between quotes, and nothing else"
			}
			out.WriteString(literal)
			rest = rest[end+2:]
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			run := rest[:len(rest)-len(strings.TrimLeft(rest, string(c)))]
			part, ok := datePatterns[run]
			if !ok {
				return "", fmt.Sprintf("the pattern of a date has %q, which has no meaning here; write yyyy, MM, dd, HH, mm, ss and the like, and put other letters into quotes, as in yyyy-MM-dd'T'HH:mm:ss", run)
			}
			if c == 'S' && !strings.HasSuffix(out.String(), ".") && !strings.HasSuffix(out.String(), ",") {
				return "", "fractions of a second follow a full stop, as in ss.SSS"
			}
			out.WriteString(part)
			rest = rest[len(run):]
		case '0' <= c && c <= '9' || c == '_':
			return "", "the pattern of a date has a digit; write letters, as in yyyy-MM-dd"
		default:
			out.WriteByte(c)
			rest = rest[1:]
		}
	}
	if out.Len() == 0 {
		return "", "the pattern of a date is empty; write one, as in yyyy-MM-dd"
	}
	return out.String(), ""
}

// checkDatePattern finds a pattern that is written out and wrong.
func (r *reader) checkDatePattern(c ast.CallExpr) {
	if c.FunctionName() != formatDateName && c.FunctionName() != parseDateName || c.IsMemberFunction() || len(c.Args()) == 0 {
		return
	}
	for _, arg := range c.Args()[1:] {
		if pattern, ok := literalString(arg); ok {
			if _, wrong := dateLayout(pattern); wrong != "" {
				r.refuse(arg.ID(), wrong)
			}
		}
	}
}
