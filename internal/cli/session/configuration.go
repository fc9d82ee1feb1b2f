package session

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// Load reads a configuration file and compiles its rules against the columns that their sources really have. Everything
// that is wrong comes back at once, with its place, before anything is started or contacted. Warnings are shown.
func (a *Session) Load(ctx context.Context, path string) (*config.Connection, error) {
	if path == "" {
		return nil, WrongUse("name it with -f FILE", "no configuration file was given")
	}
	f, err := UntilInterrupted(ctx, func() (*config.File, error) { return config.LoadFile(a.Path(path)) })
	var problems config.Problems
	if err != nil && (f == nil || !errors.As(err, &problems)) {
		return nil, err
	}
	for _, rule := range f.Connection.Rules {
		if !understood(f, rule, problems) {
			continue
		}
		found, err := a.checkRule(ctx, f, rule)
		if err != nil {
			return nil, err
		}
		problems = append(problems, unsaid(problems, found)...)
	}
	if len(problems) > 0 {
		problems.Sort()
		return nil, problems
	}
	for _, w := range f.Warnings {
		a.Notes.Sayf("warning: %s", w)
	}
	return f.Connection, nil
}

// understood reports that a rule's source is known well enough to look for further problems in it: that it is named, is
// the only rule of its name, and that nothing is said about its source.
func understood(f *config.File, rule config.Rule, problems config.Problems) bool {
	same := 0
	for _, r := range f.Connection.Rules {
		if r.Name == rule.Name {
			same++
		}
	}
	return same == 1 && rule.Source.Settings != nil && !slices.ContainsFunc(problems, func(p config.Problem) bool {
		return strings.HasPrefix(p.Message, "rule "+rule.Name+", source")
	})
}

// unsaid leaves out what is wrong with a line of which something was said before.
func unsaid(said, found config.Problems) config.Problems {
	return slices.DeleteFunc(found, func(p config.Problem) bool {
		return slices.ContainsFunc(said, func(q config.Problem) bool { return p.Line == q.Line })
	})
}

// checkRule opens a rule's source for its columns and compiles the rule. A rule that is disabled may wait for its source.
func (a *Session) checkRule(ctx context.Context, f *config.File, rule config.Rule) (config.Problems, error) {
	at := func(key string, offset int, message string) config.Problems {
		return config.Problems{f.Problem(rule.Name, key, offset, message)}
	}
	s, err := stores.Open(SourceEnvironment())(rule.Source.Settings, mapping.Uses(rule.Expressions()))
	if err != nil {
		return at(sourceKey(rule, err), 0, sourceMessage(err)), nil
	}
	columns, err := UntilInterrupted(ctx, func() (source.Columns, error) { return s.Columns(ctx) })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && rule.Enabled:
		return at(sourceKey(rule, err), 0, sourceMessage(err)), nil
	case err != nil:
		a.Notes.Sayf("warning: %s", at(sourceKey(rule, err), 0, sourceMessage(err))[0])
		return nil, nil
	}
	for _, w := range columns.Warnings {
		a.Notes.Sayf("warning: %s", at("source", 0, w)[0])
	}
	if len(columns.Names) == 0 {
		const message = "the source is empty: it has nobody, and so no columns; check that it is whole"
		if rule.Enabled {
			return at("source", 0, message), nil
		}
		a.Notes.Sayf("warning: %s", at("source", 0, message)[0])
		return nil, nil
	}
	_, found := mapping.Compile(rule.Expressions(), columns)
	var problems config.Problems
	for _, p := range found {
		problems = append(problems, at(p.Key, p.Offset, p.Message)...)
	}
	return problems, nil
}

// sourceMessage says what keeps a source from being read.
func sourceMessage(err error) string {
	f := fault.Of(err)
	text := f.Message()
	var path *os.PathError
	if errors.As(err, &path) {
		text += " (" + path.Err.Error() + ")"
	}
	var hint source.Hint
	if errors.As(err, &hint) {
		text += " (" + string(hint) + ")"
	}
	return text
}

// sourceKey is the key of the rule that an error of its source is about.
func sourceKey(rule config.Rule, err error) string {
	if fault.Is(err, fault.SourceColumnMissing) || fault.Is(err, fault.SettingsInvalid) {
		return "source"
	}
	return "source." + rule.Source.Settings.Store()
}
