package file

import (
	"cmp"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/entraflow/entraflow/internal/source"
)

// Store is the entry of the registry.
var Store = source.Store{
	Key: "file",
	New: func() source.Settings { return &Settings{} },
	Opener: func(env source.Environment) source.Opener {
		indexes := &Indexes{Now: env.Now}
		return func(s source.Settings) (source.Source, error) {
			return Open(*s.(*Settings), Options{Root: env.Root, Indexes: indexes})
		}
	},
}

// Settings are what stands below a rule's `source:`.
type Settings struct {
	// File is the path of a CSV or JSON file; relative to the configuration file, absolute after Resolve. Never changes.
	File string `json:"file,omitempty"`
	// ID is the column with the person's id, matched exactly. Default "id". Never changes.
	ID string `json:"id,omitempty"`
	// Enabled is the column that tells whether the person is enabled, matched exactly. Default "enabled", which may be
	// absent: everybody is enabled then. A column that is named must exist.
	Enabled string `json:"enabled,omitempty"`
}

// At are the settings of a file with the default columns.
func At(path string) *Settings { return &Settings{File: path} }

// Store is the key of files.
func (s *Settings) Store() string { return Store.Key }

func (s *Settings) idColumn() string { return cmp.Or(s.ID, DefaultIDColumn) }

func (s *Settings) enabledColumn() string { return cmp.Or(s.Enabled, DefaultEnabledColumn) }

// Resolve makes the path absolute.
func (s *Settings) Resolve(directory string) {
	if s.File != "" && !filepath.IsAbs(s.File) {
		s.File = filepath.Join(directory, s.File)
	}
}

// personal recognises columns that name people rather than number them.
var personal = regexp.MustCompile(`(?i)mail|upn|principal`)

// Check reports what is wrong with the settings by themselves.
func (s *Settings) Check(r source.Report) {
	switch {
	case s.File == "":
		r.Problem("file", "it is missing; give the path of a CSV or JSON file with the people")
	case !filepath.IsAbs(s.File):
		r.Problem("file", "the path must be absolute here; write it in full")
	}
	if s.ID != "" && s.ID == s.Enabled {
		r.Problem("enabled", "the same column cannot be id and enabled; correct one of the two")
	}
	if personal.MatchString(s.ID) {
		r.Warning("id", "ids show in Temporal and in the tenant and must never change; use a column with a number or code rather than a name or address")
	}
}

// Expressions are none.
func (s *Settings) Expressions() []source.Expression { return nil }

// Identity is the file and the column of the ids.
func (s *Settings) Identity() []source.Fact {
	return []source.Fact{{Key: "file", Value: s.File}, {Key: "id", Value: s.idColumn()}}
}

// Key tells apart what gives other records. A column left out and the default written out are the same.
func (s *Settings) Key() string {
	return "file:" + s.File + "#" + s.idColumn() + "#" + s.enabledColumn()
}

// Tag is the same wherever the file lies: moving the configuration to another folder changes no mark.
func (s *Settings) Tag() string {
	return source.TagOf(strings.ToLower(path.Base(strings.ReplaceAll(s.File, `\`, "/"))) + "#" + s.idColumn())
}

// Place is the path.
func (s *Settings) Place() string { return s.File }
