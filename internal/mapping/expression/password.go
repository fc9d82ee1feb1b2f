package expression

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The lengths that Entra allows for a password.
// https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy#microsoft-entra-password-policies
const (
	MinPassword = 8
	MaxPassword = 256
)

const (
	randomPasswordName = "randomPassword"
	// drawName and randomVariable cannot be written in an expression; only the macro puts them there.
	drawName       = "@randomPassword"
	randomVariable = "@random"
)

// classes are the four kinds of characters of a password, without those that are easily mistaken for one another and
// those that need quoting in a shell, a CSV file or JSON.
var classes = [4]string{"abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "!#%*+-=?@_"}

var errNoRandom = errors.New("no source of randomness")

// randomPasswordMacro hands the evaluation's own source of randomness to the function, so that the environment holds
// none, and refuses the function outside the password mapping.
func randomPasswordMacro(allowed bool) cel.Macro {
	return cel.GlobalVarArgMacro(randomPasswordName, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		if !allowed {
			return nil, h.NewError(0, "randomPassword(n) belongs in the mapping of password only; remove it here")
		}
		if len(args) != 1 {
			return nil, h.NewError(0, "randomPassword takes one number, the length, as in randomPassword(24)")
		}
		if n, ok := literalInt(args[0]); ok && (n < MinPassword || n > MaxPassword) {
			return nil, h.NewError(args[0].ID(), fmt.Sprintf("a password has %d to %d characters; write randomPassword(24)", MinPassword, MaxPassword))
		}
		return h.NewCall(drawName, args[0], h.NewIdent(randomVariable)), nil
	})
}

func literalInt(e ast.Expr) (int64, bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	n, ok := e.AsLiteral().(types.Int)
	return int64(n), ok
}

func randomPasswordFunction() cel.EnvOption {
	return cel.Function(drawName, cel.Overload("random_password_int", []*cel.Type{cel.IntType, randomType}, cel.StringType,
		cel.BinaryBinding(func(n, r ref.Val) ref.Val {
			length, ok := n.(types.Int)
			if !ok || length < MinPassword || length > MaxPassword {
				return types.NewErr("a password has %d to %d characters", MinPassword, MaxPassword)
			}
			p, err := drawPassword(int(length), r.(random).Reader)
			if err != nil {
				return types.WrapErr(err)
			}
			return types.String(p)
		})))
}

// drawPassword draws one character of each class and the rest from all of them, and shuffles.
func drawPassword(length int, rnd io.Reader) (string, error) {
	if rnd == nil {
		return "", errNoRandom
	}
	all := classes[0] + classes[1] + classes[2] + classes[3]
	p := make([]byte, length)
	for i := range p {
		alphabet := all
		if i < len(classes) {
			alphabet = classes[i]
		}
		k, err := drawBelow(len(alphabet), rnd)
		if err != nil {
			return "", err
		}
		p[i] = alphabet[k]
	}
	for i := len(p) - 1; i > 0; i-- {
		k, err := drawBelow(i+1, rnd)
		if err != nil {
			return "", err
		}
		p[i], p[k] = p[k], p[i]
	}
	return string(p), nil
}

// drawBelow is an even draw from 0 to n-1.
func drawBelow(n int, rnd io.Reader) (int, error) {
	k, err := rand.Int(rnd, big.NewInt(int64(n)))
	if err != nil {
		return 0, err
	}
	return int(k.Int64()), nil
}

// random carries an evaluation's source of randomness through CEL.
type random struct{ io.Reader }

var randomType = cel.OpaqueType("entraflow.random")

func (random) ConvertToNative(reflect.Type) (any, error) { return nil, errNoRandom }
func (random) ConvertToType(ref.Type) ref.Val            { return types.WrapErr(errNoRandom) }
func (random) Equal(ref.Val) ref.Val                     { return types.False }
func (random) Type() ref.Type                            { return randomType }
func (random) Value() any                                { return nil }
