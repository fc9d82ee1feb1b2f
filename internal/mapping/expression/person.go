package expression

import (
	"errors"
	"io"
	"reflect"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/entraflow/entraflow/internal/source"
)

// userVariable is the one variable of an expression about people.
const userVariable = "user"

var errWhole = errors.New("user can only be read column by column")

// Person is a record as expressions see it: the variables of one evaluation, and the value of user itself. It serves all
// the expressions of a rule, one after the other.
type Person struct {
	// Record is the person at the source.
	Record source.Record
	// Text is true where every column is text (CSV): enabled then reads as "true" or "false".
	Text bool
	// Random feeds randomPassword; nil outside the password mapping.
	Random io.Reader
	// made counts the bytes of text that the evaluation under way has made.
	made int
}

var (
	_ cel.Activation = (*Person)(nil)
	_ traits.Mapper  = (*Person)(nil)
)

// ResolveName gives the variables.
func (p *Person) ResolveName(name string) (any, bool) {
	switch name {
	case userVariable, groupVariable:
		return p, true
	case randomVariable:
		return random{p.Random}, true
	}
	return nil, false
}

// Parent is nil: there is nothing beyond the person.
func (p *Person) Parent() cel.Activation { return nil }

// column reads one column. A column named id or enabled goes before the record's own id and state.
func (p *Person) column(name string) (any, error) {
	if v, ok := p.Record.Fields[name]; ok {
		return v, nil
	}
	switch name {
	case "id":
		return p.Record.ID, nil
	case "enabled":
		if p.Record.EnabledErr != nil {
			return nil, p.Record.EnabledErr
		}
		if p.Text {
			return strconv.FormatBool(p.Record.Enabled), nil
		}
		return p.Record.Enabled, nil
	}
	return nil, saysf("the record has no column %q", name)
}

// Find reads one column for CEL.
func (p *Person) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.WrapErr(errWhole), false
	}
	v, err := p.column(string(name))
	if err != nil {
		return types.WrapErr(err), false
	}
	if s, ok := v.(string); ok {
		return types.String(s), true
	}
	return types.DefaultTypeAdapter.NativeToValue(v), true
}

// Get reads one column for CEL.
func (p *Person) Get(key ref.Val) ref.Val { v, _ := p.Find(key); return v }

// The rest of CEL's map is out of reach: Compile refuses expressions that use user as a whole.

func (p *Person) Contains(ref.Val) ref.Val                  { return types.WrapErr(errWhole) }
func (p *Person) Size() ref.Val                             { return types.WrapErr(errWhole) }
func (p *Person) Iterator() traits.Iterator                 { return nil }
func (p *Person) Equal(ref.Val) ref.Val                     { return types.WrapErr(errWhole) }
func (p *Person) ConvertToNative(reflect.Type) (any, error) { return nil, errWhole }
func (p *Person) ConvertToType(ref.Type) ref.Val            { return types.WrapErr(errWhole) }
func (p *Person) Type() ref.Type                            { return types.MapType }
func (p *Person) Value() any                                { return p }
