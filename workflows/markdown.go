package workflows

import (
	"regexp"
	"strings"
	"unicode"
)

// backticks are what a code span must be fenced by more of.
var backticks = regexp.MustCompile("`+")

// code shows a text that comes from outside, such as a person's id, as it is: a code span, in which Markdown has no meaning, so that an id
// can neither pretend to be a link nor break a table.
func code(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	if text == "" {
		return ""
	}
	fence := "`"
	for _, run := range backticks.FindAllString(text, -1) {
		if len(run) >= len(fence) {
			fence = run + "`"
		}
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// codes shows several such texts.
func codes(texts []string) string {
	shown := make([]string, len(texts))
	for i, text := range texts {
		shown[i] = code(text)
	}
	return strings.Join(shown, ", ")
}

// maxPerson is how much of a person's id a summary shows, which holds 200 bytes in all.
const maxPerson = 120

// person shows somebody's id in a summary. The Web UI shows summaries as Markdown at the head of a run and as plain text in the timeline:
// an id that means nothing in Markdown, as nearly all do, stands as it is, and any other as code.
func person(user string) string {
	if len(user) > maxPerson {
		user = strings.ToValidUTF8(user[:maxPerson], "") + "…"
	}
	if plainID.MatchString(user) {
		return user
	}
	return code(user)
}

// plainID are ids of letters and digits with single hyphens and underscores between them, which are the same text in Markdown: no sign at
// an end that could begin an emphasis, and no dot that could make it an address.
var plainID = regexp.MustCompile(`^[\p{L}\p{Nd}]+([-_][\p{L}\p{Nd}]+)*…?$`)
