package expression

import (
	"regexp"
	"strings"
)

// habit is what people write who know SQL, a spreadsheet, JavaScript or PowerShell, with what to write here.
type habit struct {
	written *regexp.Regexp
	advice  string
}

// operators of other languages, in the order in which they are looked for. None of them can stand in an expression outside of texts.
var foreignOperators = []habit{
	{regexp.MustCompile(`===`), "to compare write =="},
	{regexp.MustCompile(`!==|<>`), "for not equal write !="},
	{regexp.MustCompile(`\?\?`), "for the first value that is filled write first(a, b)"},
	{regexp.MustCompile(`\?:`), "for the first value that is filled write first(a, b)"},
	{regexp.MustCompile(`(?i)\bnot\s+in\b`), "write !(a in list)"},
	{regexp.MustCompile(`\b(IN|In)\b|(?i)\bin\s*\(`), `for one of several write user.mail in ["a", "b"]`},
	{regexp.MustCompile(`(?i)\band\b`), "for and write &&"},
	{regexp.MustCompile(`(?i)\bor\b`), "for or write ||"},
	{regexp.MustCompile(`(?i)\bnot\b`), "for not write !, as in !(a == b) or !has(user.mail)"},
	{regexp.MustCompile(`(?i)\b(i?like)\b`), `write user.mail.startsWith("a"), endsWith("z") or matches("^a.*z$")`},
	{regexp.MustCompile(`(?:^|[^&])&(?:[^&]|$)`), "to join texts write +, and for and write &&"},
	{regexp.MustCompile(`(?:^|[^|])\|(?:[^|]|$)`), "for or write ||, and to join texts +"},
	{regexp.MustCompile(`(?:^|[^=!<>])=(?:[^=]|$)`), "to compare write =="},
	{regexp.MustCompile(`(?i)(?:^|\s)-(eq|ne|and|or|not|like)\b`), "compare with == and !=, and join conditions with && and ||"},
}

// foreignFunctions are names of other languages, with what does the same here.
var foreignFunctions = map[string]string{
	"tolower": "lower(s)", "tolowercase": "lower(s)", "lcase": "lower(s)", "toupper": "upper(s)", "touppercase": "upper(s)", "ucase": "upper(s)",
	"proper": "title(s)", "initcap": "title(s)", "capitalize": "title(s)", "len": "size(s)", "length": "size(s)", "mid": "s.substring(from, to)",
	"substr": "s.substring(from, to)", "right": "s.substring(size(s) - n)", "coalesce": "first(a, b)", "ifnull": "first(a, b)", "isnull": "first(a, b)",
	"nvl": "first(a, b)", "concat": "a + b", "concatenate": "a + b", "append": "a + b", "tostring": "string(a)", "str": "string(a)",
	"strip": "s.trim()", "isempty": "!has(user.column)", "isblank": "!has(user.column)", "isnullorempty": "!has(user.column)",
	"replaceall": "s.replace(a, b)", "substitute": "s.replace(a, b)", "iif": "condition ? a : b", "if": "condition ? a : b", "switch": `choose(value, a, x, b, y, otherwise), or lookup("table", key, "")`,
	"switchexpr": `choose(value, a, x, b, y, otherwise)`, "ifelse": "condition ? a : b", "dateformat": "formatDate(s, from, to)", "formatdatetime": "formatDate(s, from, to)",
	"vlookup": `lookup("table", key, "")`, "includes": "s.contains(a)", "regexreplace": "replaceRegex(s, pattern, a)",
}

// around are our functions that are written around a text and not behind it.
var around = map[string]string{
	"lower": "lower(s)", "upper": "upper(s)", "title": "title(s)", "left": "left(s, n)", "digits": "digits(s)", "normalize": "normalize(s)",
	"base64": "base64(s)", extractName: "extract(s, pattern)", wordName: "word(s, n)", replaceRegexName: "replaceRegex(s, pattern, replacement)",
}

// behind are CEL's functions that are written behind a text and not around it.
var behind = []string{"contains", "startsWith", "endsWith", "matches", "split", "join", "trim", "replace", "substring", "indexOf"}

// foreignOperator says what to write instead of an operator of another language, and where that is.
func foreignOperator(text string) (advice string, offset int, ok bool) {
	plain := withoutTexts(text)
	for _, h := range foreignOperators {
		if at := h.written.FindStringIndex(plain); at != nil {
			written := strings.TrimSpace(plain[at[0]:at[1]])
			return h.advice, at[0] + strings.Index(plain[at[0]:at[1]], written), true
		}
	}
	return "", 0, false
}

// curly are the quotes that word processors write.
const curly = "“”„‟‘’‚‛«»"

var quoted = regexp.MustCompile(`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'`)

// withoutTexts puts blanks where the expression has texts, so that what is left are its operators and names.
func withoutTexts(text string) string {
	return quoted.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat(" ", len(s)) })
}
