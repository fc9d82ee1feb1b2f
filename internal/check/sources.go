package check

import (
	"context"
	"fmt"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
)

// sourcePatience is how long one source may take to be looked at.
const sourcePatience = 2 * time.Minute

// Sources looks at the source of each enabled rule, once where several rules read it. It reads no person's data.
func Sources(ctx context.Context, rules []config.Rule, open func(config.Source) (source.Source, error)) []api.SourceTest {
	var tests []api.SourceTest
	at := map[string]int{}
	uses := map[string][]mapping.Rule{}
	for _, r := range rules {
		if r.Enabled {
			uses[r.Source.Key()] = append(uses[r.Source.Key()], r.Expressions())
		}
	}
	for _, r := range rules {
		if !r.Enabled {
			continue
		}
		key := r.Source.Key()
		if i, done := at[key]; done {
			tests[i].Rules = append(tests[i].Rules, r.Name)
			continue
		}
		at[key] = len(tests)
		from := r.Source
		from.Use = mapping.Uses(uses[key]...)
		tests = append(tests, api.SourceTest{Rules: []string{r.Name}, Place: from.Place(), Checks: lookAt(ctx, from, open)})
	}
	return tests
}

// lookAt gives the checks of one source: its own, where the store has some, and whether its columns can be read.
func lookAt(ctx context.Context, from config.Source, open func(config.Source) (source.Source, error)) (checks []api.TestCheck) {
	ctx, cancel := context.WithTimeout(ctx, sourcePatience)
	defer cancel()
	s, err := open(from)
	if err != nil {
		return []api.TestCheck{sourceFailed("settings", "", err)}
	}
	if checker, ok := s.(source.Checker); ok {
		for _, f := range checker.Check(ctx) {
			checks = append(checks, finding(f))
			if f.Err != nil {
				return checks
			}
		}
	}
	columns, err := s.Columns(ctx)
	if err != nil {
		return append(checks, sourceFailed("columns", "", err))
	}
	checks = append(checks, api.TestCheck{Name: "columns", Status: api.TestOK, Message: fmt.Sprintf("%d columns", len(columns.Names))})
	for _, w := range columns.Warnings {
		checks = append(checks, api.TestCheck{Name: "columns", Status: api.TestWarning, Message: w})
	}
	return checks
}

func finding(f source.Finding) api.TestCheck {
	if f.Err != nil {
		c := sourceFailed(f.Step, f.Setting, f.Err)
		c.Message, c.Fix = f.Message, withSetting(f.Setting, f.Fix)
		return c
	}
	c := api.TestCheck{Name: f.Step, Status: api.TestOK, Message: f.Message}
	if f.Warning {
		c.Status, c.Fix = api.TestWarning, withSetting(f.Setting, f.Fix)
	}
	return c
}

// sourceFailed is a check that failed with an error. Its message has no contents of the source: the report goes to Temporal.
func sourceFailed(name, setting string, err error) api.TestCheck {
	f := fault.Of(err)
	message, fix := f.Reason.Parts()
	if f.Subject != "" {
		message += " (" + f.Subject + ")"
	}
	return api.TestCheck{Name: name, Status: api.TestFailed, Reason: f.Reason, Message: message, Fix: withSetting(setting, fix), RequestID: f.RequestID}
}

func withSetting(setting, fix string) string {
	if setting == "" {
		return fix
	}
	return "source." + setting + ": " + fix
}
