package directory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
)

func TestMarkRoundTrip(t *testing.T) {
	t.Parallel()
	for _, origin := range []directory.Origin{directory.Created, directory.Adopted} {
		for _, disabled := range []directory.DisabledBy{"", directory.DisabledAtSource, directory.DisabledDeprovisioned, directory.DisabledElsewhere} {
			for _, source := range []string{"", "a1b2c3"} {
				for n := range directory.MaxMarkedLicenses + 1 {
					var skus []string
					for i := range n {
						skus = append(skus, fmt.Sprintf("%08X-0000-4000-8000-000000000000", n-i))
					}
					m := directory.Mark{Origin: origin, Disabled: disabled, Source: source}.WithLicenses(skus)
					stored := m.String()
					require.LessOrEqual(t, len(stored), 256)
					back, ok := directory.ParseMark(stored)
					require.True(t, ok, stored)
					require.Equal(t, m, back)
					require.Equal(t, stored, back.String())
					for _, sku := range skus {
						require.True(t, back.Owns(sku), "%s in any case", sku)
					}
					require.False(t, back.Owns("ffffffff-0000-4000-8000-000000000000"))
				}
			}
		}
	}
	require.Equal(t, "1;created;disabled=source;lic=06ebc4ee,c7df2760", directory.Mark{
		Origin: directory.Created, Disabled: directory.DisabledAtSource,
	}.WithLicenses([]string{"C7DF2760-2c81-4ef7-b578-5b5392b571df", "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "c7df2760-2c81-4ef7-b578-5b5392b571df"}).String())
}

// What cannot be read is read as that which removes least: an adopted account with nothing of ours on it.
func TestUnreadableMarks(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "1", "scribble", "2;created", "1;", "1;Created", "created", "0;created;lic=06ebc4ee"} {
		m, ok := directory.ParseMark(s)
		require.False(t, ok, "%q", s)
		require.Equal(t, directory.Mark{Origin: directory.Adopted}, m, "%q", s)
	}
}

// Marks that a hand has changed, or that a later version has written.
func TestTolerantMarks(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"1;created;lic=":                       "1;created",
		"1;created;lic=C7DF2760,06ebc4ee":      "1;created;lic=06ebc4ee,c7df2760",
		"1;created;lic=a,,a, b":                "1;created;lic=a,b",
		"1;created;":                           "1;created",
		"1;adopted;future=x;disabled=source":   "1;adopted;disabled=source",
		"1;created;lic=06ebc4ee;disabled=":     "1;created;lic=06ebc4ee",
		"1;created;lic=06ebc4ee-1bb5-47dd-812": "1;created;lic=06ebc4ee",
	} {
		m, ok := directory.ParseMark(s)
		require.True(t, ok, "%q", s)
		require.Equal(t, want, m.String(), "%q", s)
	}
}

func TestDisabledBy(t *testing.T) {
	t.Parallel()
	for d, want := range map[directory.DisabledBy][2]bool{ // by us; deprovisioned
		"":                              {false, false},
		directory.DisabledAtSource:      {true, false},
		directory.DisabledDeprovisioned: {true, true},
		directory.DisabledElsewhere:     {false, true},
		"unheard of":                    {false, false},
	} {
		require.Equal(t, want[0], d.ByUs(), "%q", d)
		require.Equal(t, want[1], d.Deprovisioned(), "%q", d)
	}
}
