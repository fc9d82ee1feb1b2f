package field

import (
	"fmt"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/value"
)

// MaxCandidates is how many expressions firstFree takes: each of them may cost somebody new a question to the tenant.
const MaxCandidates = 20

// compileCandidates compiles the expressions of firstFree. A problem says which of them it is about.
func (f *Field) compileCandidates(texts []string, scope expression.Scope) (problems []expression.Problem) {
	if len(texts) == 0 || len(texts) > MaxCandidates {
		return problem(fmt.Sprintf("firstFree takes 1 to %d expressions, as in {firstFree: ['…', '…']}", MaxCandidates))
	}
	for i, text := range texts {
		e, found := expression.Compile(text, result(f.Attribute), scope)
		if len(found) == 0 && e.Constant() {
			found = problem(sameForAll)
		}
		for _, p := range found {
			p.Part = fmt.Sprintf("firstFree[%d]", i)
			problems = append(problems, p)
		}
		f.candidates = append(f.candidates, e)
	}
	return problems
}

// Chooses reports that the mapping gives several values, of which somebody new gets the first that is free.
func (f *Field) Chooses() bool { return len(f.candidates) > 0 }

// Candidates gives the person's values in the order of the expressions, without those that are blank or that stand further in front
// already, letter case aside. There is at least one.
//
// Faults: those of Text.
func (f *Field) Candidates(p *expression.Person) ([]string, error) {
	var all []string
	for _, e := range f.candidates {
		s, err := e.Text(p)
		if err != nil {
			return nil, f.failed(err)
		}
		if strings.TrimSpace(s) == "" {
			continue
		}
		if s, err = value.Text(f.Attribute, s); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(other string) bool { return strings.EqualFold(other, s) }) {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, fault.New("map attribute", fault.Invalid, fault.AttributeRequired, f.Attribute.Name)
	}
	return all, nil
}
