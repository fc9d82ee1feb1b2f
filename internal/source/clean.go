package source

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Clean gives a text as it enters a record, so that texts that look the same are the same: without blanks and invisible
// characters at its ends; within, without zero-width spaces and byte order marks, and with plain blanks for those that only
// forbid a line break; and composed (NFC). Every store does so with every value, and with ids.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	return norm.NFC.String(strings.TrimFunc(invisible.Replace(s), edge))
}

// invisible are the blanks that look like another one, and what has no width.
var invisible = strings.NewReplacer("\u00a0", " ", "\u2007", " ", "\u202f", " ", "\u200b", "", "\u2060", "", "\ufeff", "")

// CleanValue cleans all texts of a value, in lists and objects, too.
func CleanValue(value any) any {
	switch v := value.(type) {
	case string:
		return Clean(v)
	case []any:
		for i := range v {
			v[i] = CleanValue(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = CleanValue(v[name])
		}
	}
	return value
}

// plain recognises what needs no cleaning: most texts.
func plain(s string) bool {
	if s == "" {
		return true
	}
	if s[0] <= ' ' || s[len(s)-1] <= ' ' {
		return false
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// edge is what a text does not begin or end with. The tags at the end of some flags (U+E0000 to U+E007F) are part of them.
func edge(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) && (r < 0xE0000 || r > 0xE007F)
}
