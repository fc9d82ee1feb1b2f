package expression

import (
	"encoding/base64"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"golang.org/x/text/unicode/norm"
)

// filledName cannot be written in an expression; only the has macro calls it.
const filledName = "@filled"

// functionNames are the functions of our own and of the string extension, for suggestions.
var functionNames = []string{
	"lower", "upper", "title", "left", "digits", "first", "replaceRegex", "extract", "word", "formatDate", "parseDate", "choose", "lookup", "base64", "normalize", "randomPassword", "has", "size", "string", "int", "double", "bool", "matches",
	"contains", "startsWith", "endsWith", "charAt", "indexOf", "lastIndexOf", "lowerAscii", "upperAscii", "replace", "split",
	"substring", "trim", "join", "format", "quote", "reverse", "exists", "all", "exists_one", "map", "filter", "type",
}

func base64Function() cel.EnvOption {
	return cel.Function("base64", cel.Overload("base64_string", []*cel.Type{cel.StringType}, cel.StringType,
		cel.UnaryBinding(func(v ref.Val) ref.Val {
			return types.String(base64.StdEncoding.EncodeToString([]byte(v.(types.String))))
		})))
}

func normalizeFunction() cel.EnvOption {
	return cel.Function("normalize", cel.Overload("normalize_string", []*cel.Type{cel.StringType}, cel.StringType,
		cel.UnaryBinding(func(v ref.Val) ref.Val {
			return types.String(normalize(string(v.(types.String))))
		})))
}

// hasMacro gives has(user.column) the meaning that has() gives a field with a default in CEL for protocol buffers: the
// value is not the empty one. With CEL's meaning for maps it would be true for everybody, since each record has every
// column, and `filter: has(user.mail)` would let everybody through.
func hasMacro(variable string) cel.Macro {
	return cel.GlobalMacro("has", 1, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		arg := args[0]
		if arg.Kind() == ast.CallKind && arg.AsCall().FunctionName() == operators.Index && isVariable(arg.AsCall().Args()[0], variable) {
			return h.NewCall(filledName, arg), nil
		}
		if arg.Kind() != ast.SelectKind {
			return nil, h.NewError(arg.ID(), "has() takes a column, as in has(user.mail)")
		}
		if isVariable(arg.AsSelect().Operand(), variable) {
			return h.NewCall(filledName, arg), nil
		}
		return h.NewPresenceTest(arg.AsSelect().Operand(), arg.AsSelect().FieldName()), nil
	})
}

func filledFunction() cel.EnvOption {
	return cel.Function(filledName, cel.Overload("filled_dyn", []*cel.Type{cel.DynType}, cel.BoolType,
		cel.UnaryBinding(func(v ref.Val) ref.Val {
			switch v := v.(type) {
			case types.Null:
				return types.False
			case traits.Sizer:
				return types.Bool(v.Size() != types.IntZero)
			}
			return types.True
		})))
}

// spelt are the letters that Unicode does not take apart into an ASCII letter and a mark.
var spelt = map[rune]string{
	'ß': "ss", 'ẞ': "SS", 'æ': "ae", 'Æ': "AE", 'œ': "oe", 'Œ': "OE", 'ø': "o", 'Ø': "O", 'ł': "l", 'Ł': "L",
	'đ': "d", 'Đ': "D", 'ð': "d", 'Ð': "D", 'þ': "th", 'Þ': "TH", 'ħ': "h", 'Ħ': "H", 'ı': "i", 'ĸ': "k", 'ŋ': "n", 'Ŋ': "N",
	'ŧ': "t", 'Ŧ': "T", 'ə': "e", 'Ə': "E", 'ŀ': "l", 'Ŀ': "L", 'ŉ': "n", 'ĳ': "ij", 'Ĳ': "IJ", 'ƒ': "f",
	'’': "'", '‘': "'", 'ʼ': "'", '‐': "-", '‑': "-", '–': "-", '—': "-", '\u00a0': " ",
}

// normalize writes s in ASCII.
func normalize(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if r < 0x80 {
			b.WriteByte(byte(r))
			continue
		}
		if word, ok := spelt[r]; ok {
			b.WriteString(word)
			continue
		}
		// The compatibility forms spell out ligatures and full-width letters, too. Those of a fraction and of an accent that stands
		// for itself would leave something else behind: ½ is not 12.
		parts := norm.NFKD.String(string(r))
		if strings.ContainsRune(parts, '\u2044') {
			continue
		}
		for _, d := range parts {
			if word, ok := spelt[d]; ok {
				b.WriteString(word)
			} else if d < 0x80 && (d != ' ' || unicode.IsSpace(r)) {
				b.WriteByte(byte(d))
			}
		}
	}
	return b.String()
}
