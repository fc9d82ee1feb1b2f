package directory_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
)

// ids are source ids as stores have them, and as nobody would expect them.
var ids = []string{
	"1", "4711", "a/b/c", "/", "//", "a%2Fb", "%", "%zz", "100%", "a:b", "sha256:abc", "sha256:", ":", "ä", "Zoë Ångström", "用户一", "🙂",
	"uid=ann,ou=people,dc=contoso,dc=com", "ann@contoso.com", "a b", " ", "\t", "a+b&c=d?e#f", "'; drop", `back\slash`, "{8B3F-…}", ".", "..",
	strings.Repeat("x", 173), strings.Repeat("x", 174), strings.Repeat("x", 175), strings.Repeat("x", 300),
	strings.Repeat("ä", 28), strings.Repeat("ä", 29), strings.Repeat("ä", 30), strings.Repeat("/", 58), strings.Repeat("/", 59), strings.Repeat("用", 300),
}

// The longest names that connections and rules may have.
var longest = strings.Repeat("n", 40)

// checkLink checks what is true of every link.
func checkLink(t *testing.T, connection, rule, id string) {
	t.Helper()
	l := directory.NewLink(connection, rule, id)
	stored := l.String()
	require.LessOrEqual(t, len(stored), 256, "%q", id)
	for _, r := range stored {
		require.True(t, r > ' ' && r < utf8.RuneSelf, "%q: %q is not to be stored", id, r)
	}
	back, ok := directory.ParseLink(stored)
	require.True(t, ok, "%q", stored)
	require.Equal(t, stored, back.String(), "%q", id)
	require.Equal(t, connection, back.Connection)
	require.Equal(t, rule, back.Rule)
	require.Equal(t, l.PersonKey(), back.PersonKey(), "%q", id)
	if !back.Hashed {
		require.Equal(t, id, back.SourceID)
	}
	// Another rule of the connection means the same person, another connection does not.
	require.Equal(t, l.PersonKey(), directory.NewLink(connection, rule+"x", id).PersonKey())
	require.NotEqual(t, l.PersonKey(), directory.NewLink(connection+"x", rule, id).PersonKey())
}

func TestLinkRoundTrip(t *testing.T) {
	t.Parallel()
	for _, id := range ids {
		checkLink(t, "contoso", "staff", id)
		checkLink(t, longest, longest, id)
		require.Equal(t, directory.NewLink("a", "b", id).String()[4:], directory.NewLink(longest, longest, id).String()[82:],
			"what is stored for an id does not depend on the names")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var b strings.Builder
		for range 1 + rng.IntN(120) {
			b.WriteRune([]rune("ab/%:.äß用🙂 @=+~\x00\n")[rng.IntN(17)])
		}
		checkLink(t, longest, "staff", b.String())
	}
}

// Different people have different links, however alike their ids look.
func TestLinksAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, id := range ids {
		stored := directory.NewLink("contoso", "staff", id).String()
		require.NotContains(t, seen, stored, "%q and %q", id, seen[stored])
		seen[stored] = id
	}
	// An id that looks like the hash of another is not taken for it.
	long := strings.Repeat("x", 300)
	hashed, _ := directory.ParseLink(directory.NewLink("contoso", "staff", long).String())
	require.True(t, hashed.Hashed)
	for _, id := range []string{hashed.SourceID, directory.HashedID(hashed.SourceID)} {
		require.NotEqual(t, hashed.PersonKey(), directory.NewLink("contoso", "staff", id).PersonKey())
	}
}

func TestParseLink(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "/", "//", "a", "a/b", "a/b/", "/b/c", "a//c", "a/b/%zz", "a/b/%", "scribble"} {
		_, ok := directory.ParseLink(s)
		require.False(t, ok, "%q is not a link of ours", s)
	}
	// Written by hand, with a slash that should have been escaped.
	l, ok := directory.ParseLink("contoso/staff/a/b")
	require.True(t, ok)
	require.Equal(t, directory.NewLink("contoso", "staff", "a/b").PersonKey(), l.PersonKey())
	require.NotEqual(t, "contoso/staff/a/b", l.String())
}

func TestHashedIDs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("用", 300)
	l, ok := directory.ParseLink(directory.NewLink("contoso", "staff", long).String())
	require.True(t, ok && l.Hashed)
	id := directory.HashedID(l.SourceID)
	require.True(t, directory.IsHashedID(id))
	require.True(t, directory.SameID(id, long))
	require.False(t, directory.SameID(id, long+"x"))
	require.True(t, directory.SameID("1", "1"))
	require.False(t, directory.SameID("1", "2"))
	require.False(t, directory.SameID("", "1"))
	require.False(t, directory.IsHashedID("1"))
}

func FuzzLink(f *testing.F) {
	for _, id := range ids {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if id == "" {
			t.Skip("no source has an empty id")
		}
		checkLink(t, "contoso", "staff", id)
	})
}
