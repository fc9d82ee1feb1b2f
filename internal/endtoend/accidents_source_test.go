package endtoend_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
)

// Twelve people, of whom the guard lets five go at a time, and everything that happens to files.
func TestAccidentsOfTheSource(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	require.Len(t, before, 12)

	write := func(change func(i int, fields []string)) func() {
		return func() { k.WritePeople(each(people, change)...) }
	}
	const (
		failed, held, completed = api.SyncFailed, api.SyncHeld, api.SyncCompleted
	)
	for _, c := range []struct {
		name   string
		happen func()
		outcome
	}{
		{"empty, no byte", func() { k.WriteRaw("people.csv", "") }, outcome{state: failed, cause: fault.SourceMalformed}},
		{"empty, header only", func() { k.WritePeople(people[0]) }, outcome{state: held, cause: fault.SourceEmpty}},
		{"gone", func() { require.NoError(t, os.Remove(filepath.Join(k.Dir, "people.csv"))) }, outcome{state: failed, cause: fault.SourceMissing}},
		{"half, cut at a line's end", func() { k.WritePeople(people[:7]...) }, outcome{state: held, cause: fault.RemovalsHeld}},
		{"half, cut within a record", func() { k.WriteRaw("people.csv", strings.Join(people[:7], "\n")[:250]) },
			outcome{state: failed, cause: fault.SourceMalformed}},
		{"half, cut within the last field", func() {
			all := strings.Join(people[:7], "\n")
			k.WriteRaw("people.csv", all[:len(all)-2])
		}, outcome{state: held, cause: fault.SourceEndUnknown, people: 1}},
		{"one short, cut at a line's end", func() { k.WriteRaw("people.csv", strings.Join(people[:len(people)-1], "\n")) },
			outcome{state: held, cause: fault.SourceEndUnknown}},
		{"half, cut within quotes", func() { k.WriteRaw("people.csv", strings.Join(people[:7], "\n")+"\n"+`e06,u06,"Giv`) },
			outcome{state: failed, cause: fault.SourceMalformed}},
		{"a wrong file with other columns", func() { k.WritePeople("article,price,stock", "4711,3.50,12") },
			outcome{state: failed, cause: fault.SourceColumnMissing}},
		{"other people's file with the same columns", func() {
			k.WritePeople(each(people, func(i int, f []string) {
				f[columnID], f[columnUsername], f[columnGiven], f[columnFamily] = fmt.Sprint("x", i), fmt.Sprint("x", i), fmt.Sprint("X", i), fmt.Sprint("Y", i)
			})...)
		}, outcome{state: held, cause: fault.EverybodyLeft, created: 12}},
		{"other people's file with the same ids", write(func(i int, f []string) {
			f[columnUsername], f[columnGiven], f[columnFamily] = fmt.Sprint("x", i), fmt.Sprint("X", i), fmt.Sprint("Y", i)
		}), outcome{state: completed, cause: fault.PersonReplaced, people: 12}},
		{"one id given to somebody else", write(func(i int, f []string) {
			if i == 3 {
				f[columnUsername], f[columnGiven], f[columnFamily] = "xaver", "Xaver", "Yilmaz"
			}
		}), outcome{state: completed, cause: fault.PersonReplaced, people: 1}},
		{"sorted without the id column", func() {
			k.WritePeople(each(people, func(i int, f []string) { f[columnID] = fmt.Sprintf("e%02d", (i+1)%12) })...)
		}, outcome{state: completed, cause: fault.PersonReplaced, people: 12}},
		{"the id column holds another column", write(func(_ int, f []string) { f[columnID] = f[columnUsername] }),
			outcome{state: completed, cause: fault.SourceIDChanged, people: 12}},
		{"the ids lost their zeros", write(func(i int, f []string) { f[columnID] = fmt.Sprint(i) }),
			outcome{state: completed, cause: fault.SourceIDChanged, people: 12}},
		{"the id column renamed", func() { k.WritePeople(without(people, "id", "employee")...) },
			outcome{state: failed, cause: fault.SourceColumnMissing}},
		{"an id twice", write(func(i int, f []string) { f[columnID] = fmt.Sprintf("e%02d", i/2) }), outcome{state: failed, cause: fault.SourceIDDuplicate}},
		{"ids empty", write(func(_ int, f []string) { f[columnID] = "" }), outcome{state: failed, cause: fault.SourceIDEmpty}},
		{"everybody disabled", write(func(_ int, f []string) { f[columnEnabled] = "false" }), outcome{state: held, cause: fault.RemovalsHeld, people: 12}},
		{"enabled full of nonsense", write(func(i int, f []string) { f[columnEnabled] = fmt.Sprint("2026-01-", i) }),
			outcome{state: completed, cause: fault.EnabledUnreadable, people: 12}},
		{"enabled empty", write(func(_ int, f []string) { f[columnEnabled] = "" }), outcome{state: completed, cause: fault.EnabledUnreadable, people: 12}},
		{"every license empty", write(func(_ int, f []string) { f[columnLicense] = "" }), outcome{state: held, cause: fault.RemovalsHeld, people: 12}},
		{"every license misspelt", write(func(_ int, f []string) { f[columnLicense] = "SPE-E3" }),
			outcome{state: completed, cause: fault.LicenseUnknown, people: 12}},
		{"the license column lost", func() { k.WritePeople(without(people, "license", "")...) }, outcome{state: failed, cause: fault.SourceColumnMissing}},
		{"usage locations empty", write(func(_ int, f []string) { f[columnCountry] = "" }), outcome{state: completed}},
		{"usage locations are words", write(func(_ int, f []string) { f[columnCountry] = "Germany" }),
			outcome{state: completed, cause: fault.UsageLocationInvalid, people: 12}},
		{"usernames empty", write(func(_ int, f []string) { f[columnUsername] = "" }), outcome{state: completed, cause: fault.UPNInvalid, people: 12}},
		{"one username for all", write(func(_ int, f []string) { f[columnUsername] = "u00" }), outcome{state: completed, cause: fault.UPNTaken, people: 11}},
		{"two people's usernames swapped", write(func(i int, f []string) {
			if i < 2 {
				f[columnUsername] = fmt.Sprintf("u%02d", 1-i)
			}
		}), outcome{state: completed, cause: fault.NamesInCircle, people: 2}},
		{"saved as UTF-16", func() {
			raw := []byte{0xFF, 0xFE}
			for _, unit := range utf16.Encode([]rune(strings.Join(people, "\r\n"))) {
				raw = append(raw, byte(unit), byte(unit>>8))
			}
			k.WriteRaw("people.csv", string(raw))
		}, outcome{state: completed}},
		{"saved with semicolons by halves", func() { k.WritePeople(append(people[:1:1], strings.ReplaceAll(people[1], ",", ";"))...) },
			outcome{state: failed, cause: fault.SourceMalformed}},
		{"a folder in the file's place", func() {
			path := filepath.Join(k.Dir, "people.csv")
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
			t.Cleanup(func() { _ = os.RemoveAll(path) })
		}, outcome{state: failed, cause: fault.SourceUnreadable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.happen()
			r := c.sync(t, k, before)
			t.Logf("%s", r.Message)
			_ = os.RemoveAll(filepath.Join(k.Dir, "people.csv"))
			restored(t, k, before, people)
		})
	}

	t.Run("the enabled column renamed away", func(t *testing.T) {
		off := each(people, func(i int, f []string) {
			if i == 5 {
				f[columnEnabled] = "false"
			}
		})
		k.WritePeople(off...)
		outcome{state: completed, lost: []string{"u05"}}.sync(t, k, before)
		k.WritePeople(without(off, "enabled", "active")...)
		disabled := k.Havings()
		outcome{state: completed, cause: fault.EnabledColumnGone, people: 1}.sync(t, k, disabled)
		require.Equal(t, disabled, k.Havings(), "nobody is enabled because a column is gone")
		_, err := k.Provision("e05")
		require.NoError(t, err)
		require.Equal(t, disabled, k.Havings(), "nor by hand")
		restored(t, k, before, people)
	})
	t.Run("a chain of renames", func(t *testing.T) {
		k.WritePeople(each(people, func(i int, f []string) {
			if i < 3 {
				f[columnUsername] = fmt.Sprintf("u%02d", i+1)
			}
			if i == 3 {
				f[columnUsername] = "u99"
			}
		})...)
		for range 4 {
			_, err := k.Sync("staff")
			require.NoError(t, err)
			k.AwaitSynced()
		}
		r := k.MustSync("staff")
		k.AwaitSynced()
		require.Zero(t, r.Planned, "%s", r.Message)
		require.Equal(t, 12, r.Success)
		after := k.Havings()
		require.Empty(t, lost(before, after))
		for id, b := range before {
			switch b.Name {
			case "u00@contoso.com":
				require.Equal(t, "u01@contoso.com", after[id].Name)
			case "u03@contoso.com":
				require.Equal(t, "u99@contoso.com", after[id].Name)
			}
		}
	})
}
