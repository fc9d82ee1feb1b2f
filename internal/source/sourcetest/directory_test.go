package sourcetest_test

import (
	"testing"

	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

// The suite holds for a live store, too: each single read says how current it is only as far as such a store can.
func TestDirectory(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(_ *testing.T, people []sourcetest.Person) source.Source { return sourcetest.NewDirectory(people) })
	open := func(_ *testing.T, people []sourcetest.Person, groups []sourcetest.Group) source.Source {
		d := sourcetest.NewDirectory(people)
		d.SetGroups(groups)
		return d
	}
	sourcetest.RunGroups(t, sourcetest.Groups{
		Open: open,
		Cut: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group, name string) source.Source {
			d := open(t, people, groups).(*sourcetest.Directory)
			d.CutGroups(name)
			return d
		},
	})
}
