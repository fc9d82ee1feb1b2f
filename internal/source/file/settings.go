package file

import (
	"cmp"
	"encoding/json"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/entraflow/entraflow/internal/source"
)

// Store is the entry of the registry.
var Store = source.Store{
	Key:    "file",
	New:    func() source.Settings { return &Settings{} },
	Groups: true,
	Opener: func(env source.Environment) source.Opener {
		indexes := &Indexes{Now: env.Now}
		return func(s source.Settings, _ source.Use) (source.Source, error) {
			return Open(*s.(*Settings), Options{Root: env.Root, Indexes: indexes, Quiet: env.Quiet})
		}
	},
}

// Settings are what stands below a rule's `source:`.
type Settings struct {
	// File is the path of a CSV, JSON or Excel file; relative to the configuration file, absolute after Resolve. Never
	// changes.
	File string `json:"file,omitempty"`
	// ID is the column with the person's id, matched exactly; in JSON also the path of a nested key. Default "id". Never
	// changes.
	ID string `json:"id,omitempty"`
	// Enabled says who is enabled.
	Enabled Enabled `json:"enabled,omitzero"`
	// Rows is a CEL expression over user, true for the records that are read; the others are passed over before ids are
	// compared. Default all.
	Rows string `json:"rows,omitempty"`
	// Records is where the list stands in a JSON document: keys with dots between. Default the document itself.
	Records string `json:"records,omitempty"`
	// MemberOf is the column with the names of a person's groups: a list, or a text with semicolons between; in JSON also the path of a
	// nested key. It is read only for rules with groups. Default "memberOf".
	MemberOf string `json:"memberOf,omitempty"`
	// Sheet is the sheet of an Excel workbook. Default the first.
	Sheet string `json:"sheet,omitempty"`
	// SkipLines is how many lines (in Excel: rows) stand before the header.
	SkipLines int `json:"skipLines,omitempty"`
	// Delimiter is the one character between the cells of a CSV file, or tab. Default comma, semicolon or tab, whichever
	// the header has most of.
	Delimiter string `json:"delimiter,omitempty"`
	// Encoding is the name of the file's encoding, as HTML has them. Default UTF-8, or UTF-16 by its mark.
	Encoding string `json:"encoding,omitempty"`
}

// At are the settings of a file with the default columns.
func At(path string) *Settings { return &Settings{File: path} }

// Store is the key of files.
func (s *Settings) Store() string { return Store.Key }

func (s *Settings) idColumn() string { return cmp.Or(s.ID, DefaultIDColumn) }

func (s *Settings) memberOfColumn() string { return cmp.Or(s.MemberOf, DefaultMemberOfColumn) }

// enabledColumn is "" where no column tells.
func (s *Settings) enabledColumn() string {
	if s.Enabled.Off || s.Enabled.Expression != "" {
		return ""
	}
	return cmp.Or(s.Enabled.Column, DefaultEnabledColumn)
}

// enabledOptional: without the column everybody is enabled.
func (s *Settings) enabledOptional() bool { return s.Enabled.IsZero() }

func (s *Settings) delimiter() rune {
	if strings.EqualFold(s.Delimiter, "tab") || s.Delimiter == `\t` {
		return '\t'
	}
	r, _ := utf8.DecodeRuneInString(s.Delimiter)
	if s.Delimiter == "" {
		return 0
	}
	return r
}

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
		r.Problem("file", "it is missing; give the path of a CSV, JSON or Excel file with the people")
	case !filepath.IsAbs(s.File):
		r.Problem("file", "the path must be absolute here; write it in full")
	}
	s.Enabled.check(s.idColumn(), r)
	if personal.MatchString(s.ID) {
		r.Warning("id", "ids show in Temporal and in the tenant and must never change; use a column with a number or code rather than a name or address")
	}
	if s.MemberOf != "" && s.MemberOf == s.idColumn() {
		r.Problem("memberOf", "this is the column of the ids; name the one with the names of a person's groups")
	}
	if s.Encoding != "" {
		if _, err := htmlindex.Get(s.Encoding); err != nil {
			r.Problem("encoding", "there is no encoding of this name; write windows-1252, utf-16le or another name that web pages use")
		}
	}
	if d := s.delimiter(); s.Delimiter != "" && (utf8.RuneCountInString(s.Delimiter) != 1 && d != '\t' || d == '"' || d == '\r' || d == '\n' || d == utf8.RuneError) {
		r.Problem("delimiter", `it is not one character; write ';', '|' or tab`)
	}
	if s.SkipLines < 0 {
		r.Problem("skipLines", "this is a number of lines; give 0 or more")
	}
	s.checkFormat(r)
}

// checkFormat reports settings that the file's format has no use for.
func (s *Settings) checkFormat(r source.Report) {
	if s.File == "" {
		return
	}
	format, err := formatOf(s.File)
	if err != nil {
		// Found again, with the other problems of the file, when it is opened.
		return
	}
	for _, one := range []struct {
		key  string
		set  bool
		good bool
		what string
	}{
		{"records", s.Records != "", format == formatJSON, ".json files"},
		{"sheet", s.Sheet != "", format == formatExcel, ".xlsx files"},
		{"skipLines", s.SkipLines != 0, format == formatCSV || format == formatExcel, "CSV and .xlsx files"},
		{"delimiter", s.Delimiter != "", format == formatCSV, "CSV files"},
		{"encoding", s.Encoding != "", format != formatExcel, "text files"},
	} {
		if one.set && !one.good {
			r.Problem(one.key, "it is for "+one.what+" only; remove it")
		}
	}
}

// Expressions are those of rows and enabled.
func (s *Settings) Expressions() []source.Expression {
	var all []source.Expression
	if s.Rows != "" {
		all = append(all, source.Expression{Key: "rows", Text: s.Rows})
	}
	if s.Enabled.Expression != "" {
		all = append(all, source.Expression{Key: "enabled", Text: s.Enabled.Expression})
	}
	return all
}

// Identity is the file and the column of the ids.
func (s *Settings) Identity() []source.Fact {
	return []source.Fact{{Key: "file", Value: s.File}, {Key: "id", Value: s.idColumn()}}
}

// Key tells apart what gives other records. A column left out and the default written out are the same.
func (s *Settings) Key() string {
	full := *s
	full.ID = s.idColumn()
	if full.MemberOf == DefaultMemberOfColumn {
		full.MemberOf = ""
	}
	if full.Enabled.IsZero() {
		full.Enabled.Column = DefaultEnabledColumn
	}
	text, err := json.Marshal(full)
	if err != nil {
		// Strings, numbers and lists of strings can always be written.
		panic(err)
	}
	return string(text)
}

// Tag is the same wherever the file lies: moving the configuration to another folder changes no mark.
func (s *Settings) Tag() string {
	return source.TagOf(strings.ToLower(path.Base(strings.ReplaceAll(s.File, `\`, "/"))) + "#" + s.idColumn())
}

// Place is the path.
func (s *Settings) Place() string { return s.File }
