package value

import (
	"fmt"
	"unicode"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// multiline are the attributes that people write in several lines.
var multiline = map[string]bool{"streetAddress": true}

// checkCharacters refuses characters that no attribute should hold: control characters, line breaks where an attribute has one
// line, and what a broken encoding leaves behind. The tenant would take most of them, and whoever reads them would not.
func checkCharacters(a directory.Attribute, s string) error {
	for _, r := range s {
		if (r == '\n' || r == '\r') && multiline[a.Name] {
			continue
		}
		if foreign(r) {
			return refused(fault.AttributeInvalid, a.Name, r)
		}
	}
	return nil
}

// foreign reports whether r is no character of a text: a control character, the separators of lines and paragraphs, a code point
// that Unicode keeps free, or the replacement character, which stands for bytes or surrogates that could not be read.
func foreign(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar ||
		r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
}

// refused names the attribute and the code point that it must not have. One character says nothing about the person.
func refused(reason fault.Reason, attribute string, r rune) error {
	return invalid(reason, fmt.Sprintf("%s, %U", attribute, r))
}
