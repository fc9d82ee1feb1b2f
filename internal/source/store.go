package source

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/secret"
)

// Store is one kind of identity store. It is a package of its own below this one, and one line in the registry of package
// stores; nothing else knows which stores there are. docs/stores.md tells how one is added.
type Store struct {
	// Key is the key below a rule's `source:` that only this store's settings have, such as file.
	Key string
	// New gives empty settings to decode into: a pointer to a struct whose json tags are the keys below `source:`.
	New func() Settings
	// Groups: the store's sources are GroupReaders. A rule with groups on another store is refused.
	Groups bool
	// Events reads the body of a webhook that the store's service sends; nil where it sends none.
	//
	// Errors: fault.SourceMalformed (Invalid) for a body that is none of the service's. What one event means that is not understood
	// is no error: it is named in Events.Unknown.
	Events func(body []byte) (Events, error)
	// Opener prepares what all sources of one process share and gives the function that opens one of them. Opening reads
	// nothing and contacts nobody.
	Opener func(Environment) Opener
}

// Opener opens the source that settings name, for rules whose expressions use so much of it.
type Opener func(Settings, Use) (Source, error)

// Use is what the expressions of the rules that share a source name. The zero Use names nothing: whoever opens a source without one
// gets everything.
type Use struct {
	// Attributes are the columns, each once.
	Attributes []string
	// Lists are those of them that an expression treats as a list.
	Lists []string
}

// DefaultQuiet is how long a file must stay unchanged before its change is told: whoever writes it should have ended.
const DefaultQuiet = 5 * time.Second

// DefaultPause is how long a store waits at least before it repeats a request that its service did not answer.
const DefaultPause = time.Second

// Environment is what a process gives its stores.
type Environment struct {
	// Root, when set, is the directory (ENTRAFLOW_SOURCE_ROOT) outside of which no file of a source is read.
	Root string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Quiet is how long a file must stay unchanged before its change is told. Default DefaultQuiet.
	Quiet time.Duration
	// Pause is the shortest wait before a request to a store's service is repeated. Default DefaultPause.
	Pause time.Duration
	// AtEnd takes what a store's opener shares among its sources and is to be closed when the process stops working. nil where nobody
	// closes anything.
	AtEnd func(Closer)
	// Secrets reads what settings refer to (env:NAME, file:PATH), within the bounds of the process.
	Secrets secret.Store
	// Setting reads a setting of the process by its name, such as an endpoint that replaces a store's own hosts. Default
	// os.Getenv.
	Setting func(name string) string
}

// Settings say which source a rule reads and how: what stands below its `source:`. They travel through Temporal as the same
// JSON and hold references to secrets, never a secret. Nobody changes them after Resolve.
type Settings interface {
	// Store is the Key of the store.
	Store() string
	// Resolve makes relative paths absolute.
	Resolve(directory string)
	// Check reports what is wrong with the settings by themselves, without reading anything. It is deterministic.
	Check(Report)
	// Expressions are the CEL expressions among the settings. The configuration compiles them, without knowing the columns.
	Expressions() []Expression
	// Identity names the people: what never changes after creation, because the links of the accounts depend on it.
	Identity() []Fact
	// Key is equal for settings that give the same records: rules that share it share a reading.
	Key() string
	// Tag is a short name for the source (TagOf), kept in the mark of each account. It is the same wherever the
	// configuration lies.
	Tag() string
	// Place says where the people are, for messages: a path, an address. No secret.
	Place() string
}

// Fact is one setting that identifies a source, as it stands below `source:`.
type Fact struct{ Key, Value string }

// Expression is a CEL expression over a person's record that is part of the settings; it gives true or false.
type Expression struct {
	// Key is where it stands, as in "enabled.expression".
	Key  string
	Text string
}

// Report takes what is wrong with settings. Keys are paths below `source:`, as in "enabled.column".
type Report struct {
	// Problem says what is wrong and what to do.
	Problem func(key, message string)
	// Warning is of something allowed that is probably not meant.
	Warning func(key, message string)
	// Unknown is called for a key that there is not, with those that there are.
	Unknown func(key string, known []string)
}

// TagOf makes a short name of what identifies a source: six digits of a hash.
func TagOf(identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return hex.EncodeToString(sum[:3])
}

// IdentityOf writes an identity as one text, to compare it.
func IdentityOf(s Settings) string {
	words := []string{s.Store()}
	for _, f := range s.Identity() {
		words = append(words, f.Key+"="+f.Value)
	}
	return strings.Join(words, "\x00")
}

// Difference is a setting that identifies a source and is not the same in two of them.
type Difference struct{ Key, Is, Says string }

// Differences are those between two identities, each in the order of the first that has it; "" stands for no such setting.
func Differences(is, says Settings) []Difference {
	var out []Difference
	facts := func(s Settings, value func(d *Difference) *string) {
		if s == nil {
			return
		}
		for _, f := range s.Identity() {
			i := slices.IndexFunc(out, func(d Difference) bool { return d.Key == f.Key })
			if i < 0 {
				i = len(out)
				out = append(out, Difference{Key: f.Key})
			}
			*value(&out[i]) = f.Value
		}
	}
	facts(is, func(d *Difference) *string { return &d.Is })
	facts(says, func(d *Difference) *string { return &d.Says })
	return slices.DeleteFunc(out, func(d Difference) bool { return d.Is == d.Says })
}

// Hint is the cause of an error, for whoever has the source before them anyway, such as the names of its columns. It may
// hold what stands in the source, and so never goes to Temporal or into a log.
type Hint string

// HintOf finds the hint in an error; "" where there is none.
func HintOf(err error) string {
	var hint Hint
	if errors.As(err, &hint) {
		return string(hint)
	}
	return ""
}

// Error is the hint.
func (h Hint) Error() string { return string(h) }
