package pingoneimport

import (
	"errors"
	"fmt"
	"strings"
)

// word is one word of an expression of PingOne's language.
type word struct {
	kind kind
	// text of a name, operator or number as written; of a literal without its quotes.
	text string
}

type kind int

const (
	end kind = iota
	name
	// library is a name after #.
	library
	literal
	number
	sign
)

// signs are the operators and brackets, longer ones first.
var signs = []string{"?:", "==", "!=", "<=", ">=", "&&", "||", ".?[", ".^[", ".$[", ".![", "+", "-", "*", "/", "%", "<", ">", "!", "?", ":", "(", ")", "[", "]", "{", "}", ",", "."}

// words cuts an expression.
func words(text string) ([]word, error) {
	var out []word
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'' || c == '"':
			value, length := quoted(text[i:])
			if length == 0 {
				return nil, errors.New("a quote is not closed")
			}
			out = append(out, word{literal, value})
			i += length
		case c == '#' || letter(c):
			n := i + 1
			for n < len(text) && (letter(text[n]) || digit(text[n])) {
				n++
			}
			if c == '#' {
				out = append(out, word{library, text[i+1 : n]})
			} else {
				out = append(out, word{name, text[i:n]})
			}
			i = n
		case digit(c):
			n := i + 1
			for n < len(text) && digit(text[n]) {
				n++
			}
			out = append(out, word{number, text[i:n]})
			i = n
		default:
			s := signAt(text[i:])
			if s == "" {
				return nil, fmt.Errorf("%q is not understood", text[i:i+1])
			}
			out = append(out, word{sign, s})
			i += len(s)
		}
	}
	return append(out, word{kind: end}), nil
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func signAt(text string) string {
	for _, s := range signs {
		if strings.HasPrefix(text, s) {
			return s
		}
	}
	return ""
}

// quoted reads a literal, in which its quote is written twice; 0 where it has no end.
func quoted(text string) (value string, length int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != text[0] {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == text[0] {
			b.WriteByte(text[0])
			i++
			continue
		}
		return b.String(), i + 1
	}
	return "", 0
}
