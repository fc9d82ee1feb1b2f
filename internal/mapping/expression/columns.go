package expression

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/entraflow/entraflow/internal/mapping/suggest"
)

// reader walks a parsed expression and notes which columns it reads, and where it uses user in another way.
type reader struct {
	scope    Scope
	columns  []string
	lists    []string
	random   bool
	loops    bool
	inLoop   bool
	problems []located
}

// located is a problem at a node of the expression.
type located struct {
	id      int64
	message string
}

// isVariable recognises a variable such as user, and .user, which is the same.
func isVariable(e ast.Expr, name string) bool {
	return e.Kind() == ast.IdentKind && strings.TrimPrefix(e.AsIdent(), ".") == name
}

// isUser recognises user, or group where the expression is about groups.
func (r *reader) isUser(e ast.Expr) bool { return isVariable(e, r.scope.variable()) }

func (r *reader) read(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		if r.isUser(e) {
			r.refuse(e.ID(), "user stands for a person and is read column by column; write user.<column>")
		}
		r.random = r.random || e.AsIdent() == randomVariable
	case ast.SelectKind:
		if s := e.AsSelect(); r.isUser(s.Operand()) {
			r.column(e.ID(), s.FieldName())
		} else {
			r.read(s.Operand())
		}
	case ast.CallKind:
		r.call(e)
	case ast.ListKind:
		r.all(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.read(entry.AsMapEntry().Key())
			r.read(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			r.read(field.AsStructField().Value())
		}
	case ast.ComprehensionKind:
		r.loop(e)
	}
}

func (r *reader) all(list []ast.Expr) {
	for _, e := range list {
		r.read(e)
	}
}

func (r *reader) call(e ast.Expr) {
	c := e.AsCall()
	args := c.Args()
	if c.FunctionName() == operators.Index && r.isUser(args[0]) {
		if name, ok := literalString(args[1]); ok {
			r.column(e.ID(), name)
			return
		}
		r.refuse(e.ID(), `the name of a column must be written out, as in user["Given name"]`)
		args = args[1:]
	}
	if c.FunctionName() == operators.In && r.isUser(args[1]) {
		r.refuse(e.ID(), `every record has every column; to ask whether one is filled write has(user.<column>)`)
		args = args[:1]
	}
	switch {
	case c.FunctionName() == operators.In && len(args) == 2:
		r.list(args[1])
	case c.FunctionName() == operators.Index:
		r.list(args[0])
	case c.FunctionName() == "join" && c.IsMemberFunction():
		r.list(c.Target())
	}
	r.checkPattern(c)
	r.checkDatePattern(c)
	r.checkTable(e)
	if c.IsMemberFunction() {
		r.read(c.Target())
	}
	r.all(args)
}

func (r *reader) loop(e ast.Expr) {
	r.loops = true
	c := e.AsComprehension()
	if v := r.scope.variable(); c.IterVar() == v || c.HasIterVar2() && c.IterVar2() == v {
		r.refuse(e.ID(), "user is the person; give the loop's variable another name")
		return
	}
	r.list(c.IterRange())
	r.read(c.IterRange())
	if r.inLoop {
		// It multiplies the work, and no mapping needs it. One loop over what another gives is only twice as much.
		r.refuse(e.ID(), "a loop within a loop is not possible; put one behind the other, as in list.filter(x, …).map(x, …), or prepare the column at the source")
		return
	}
	r.inLoop = true
	r.all([]ast.Expr{c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()})
	r.inLoop = false
}

// list notes a column that is treated as a list.
func (r *reader) list(e ast.Expr) {
	if name, ok := bareColumn(e, r.scope.variable()); ok && !slices.Contains(r.lists, name) {
		r.lists = append(r.lists, name)
	}
}

func (r *reader) column(id int64, name string) {
	if slices.Contains(r.columns, name) {
		return
	}
	r.columns = append(r.columns, name)
	if !r.scope.has(name) {
		r.refuse(id, r.unknown(name))
	}
}

func (r *reader) refuse(id int64, message string) {
	r.problems = append(r.problems, located{id, message})
}

// unknown explains an unknown column, with the columns that there are when they are few.
func (r *reader) unknown(name string) string {
	if slices.Contains(r.scope.Columns.Ambiguous, name) {
		return fmt.Sprintf("the source has more than one column %q, and nobody knows which is meant; rename all but one", name)
	}
	message := fmt.Sprintf("the source has no column %q", name)
	names := r.scope.names()
	if n := suggest.Nearest(name, names); n != "" {
		return message + "; did you mean " + reference(n) + "?"
	}
	for _, n := range names {
		if rest, ok := strings.CutPrefix(n, name); ok && rest != "" && !letter(rest[0]) {
			return message + "; did you mean " + reference(n) + "?"
		}
	}
	if len(names) > 30 {
		return message + "; add the column or correct the name"
	}
	names = slices.Clone(names)
	sort.Strings(names)
	return message + "; it has " + strings.Join(names, ", ")
}

func literalString(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// reference writes how an expression reads a column.
func reference(column string) string {
	switch column {
	case "in", "true", "false", "null":
		return fmt.Sprintf("user[%q]", column)
	}
	for i := range len(column) {
		if !letter(column[i]) && (i == 0 || column[i] < '0' || column[i] > '9') {
			return fmt.Sprintf("user[%q]", column)
		}
	}
	return "user." + column
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
