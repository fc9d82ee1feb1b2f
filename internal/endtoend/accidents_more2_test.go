package endtoend_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/source/file"
)

// More that happens to CSV files between an export and us.
func TestMoreAccidentsOfTheSource(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	path := filepath.Join(k.Dir, "people.csv")
	write := func(change func(i int, fields []string)) func() {
		return func() { k.WritePeople(each(people, change)...) }
	}
	const failed, completed = api.SyncFailed, api.SyncCompleted
	for _, c := range []struct {
		name   string
		happen func()
		outcome
	}{
		{"the header line lost", func() { k.WritePeople(people[1:]...) }, outcome{state: failed, cause: fault.SourceColumnMissing}},
		{"two exports joined, header and all", func() { k.WritePeople(append(people[:7:7], append([]string{people[0]}, people[7:]...)...)...) },
			outcome{state: failed, cause: fault.SourceMalformed}},
		{"a byte order mark before a record", write(func(i int, f []string) {
			if i == 6 {
				f[columnID] = "\ufeff" + f[columnID]
			}
		}), outcome{state: completed}},
		{"a lost quote swallows four people", write(func(i int, f []string) {
			if i == 1 {
				f[columnGiven] = `"` + f[columnGiven]
			}
			if i == 5 {
				f[columnGiven] += `"`
			}
		}), outcome{state: failed, cause: fault.SourceMalformed}},
		{"a comma too many", write(func(i int, f []string) {
			if i == 4 {
				f[columnGiven] = "Ann,Jo"
			}
		}), outcome{state: failed, cause: fault.SourceMalformed}},
		{"JSON under the old name", func() { k.WriteRaw("people.csv", "[\n{\"id\":\"e00\",\"username\":\"u00\"}\n]\n") },
			outcome{state: failed, cause: fault.SourceMalformed}},
		{"a sign-in page instead of the file", func() { k.WriteRaw("people.csv", "<!DOCTYPE html>\n<title>Sign in</title>\n") },
			outcome{state: failed, cause: fault.SourceMalformed}},
		{"the ids in capitals", write(func(_ int, f []string) { f[columnID] = strings.ToUpper(f[columnID]) }),
			outcome{state: completed, cause: fault.SourceIDChanged, people: 12}},
		{"the tail is zeros after a power failure", func() {
			text := strings.Join(people, "\n") + "\n"
			k.WriteRaw("people.csv", text[:200]+strings.Repeat("\x00", len(text)-200))
		}, outcome{state: failed, cause: fault.SourceMalformed}},
		{"rows of commas from a spreadsheet", func() { k.WritePeople(append(people[:13:13], ",,,,,,,")...) }, outcome{state: completed}},
		{"a link that leads nowhere", func() {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink(filepath.Join(k.Dir, "nowhere.csv"), path))
		}, outcome{state: failed, cause: fault.SourceMissing}},
		{"Latin-1", write(func(i int, f []string) {
			if i == 2 {
				f[columnFamily] = "M\xfcller"
			}
		}), outcome{state: failed, cause: fault.SourceMalformed}},
		{"usernames that are addresses already", write(func(_ int, f []string) { f[columnUsername] += "@contoso.com" }),
			outcome{state: completed, cause: fault.UPNInvalid, people: 12}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.happen()
			c.sync(t, k, before)
			_ = os.Remove(path)
			k.WritePeople(people...)
		})
	}
	t.Run("what is no accident: other order, separators, spaces and words", func(t *testing.T) {
		var lines []string
		for i, line := range people {
			f := strings.Split(line, ",")
			if i > 0 {
				f[columnID], f[columnEnabled] = "  "+f[columnID]+" ", []string{"1", "yes", "TRUE", " Active "}[i%4]
			}
			lines = append(lines, strings.Join([]string{f[7], f[6], f[5], f[4], f[3], f[2], f[1], f[0]}, ";"))
		}
		k.WritePeople(lines...)
		require.Zero(t, outcome{state: completed}.sync(t, k, before).Planned)
	})
	restored(t, k, before, people)
}

// What happens to a JSON export, whose values have types.
func TestAccidentsOfJSON(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	export := func(change func(i int, record string) string) string {
		var out []string
		for i := range 12 {
			out = append(out, change(i, fmt.Sprintf(
				`{"id":%d,"username":"u%02d","given":"Given%02d","family":"Family%02d","country":"US","license":"SPE_E3","department":"Sales","staff":true,"enabled":true}`,
				1000+i, i, i, i)))
		}
		return "[" + strings.Join(out, ",\n") + "]"
	}
	same := func(_ int, record string) string { return record }
	replaced := func(old, new string) func(int, string) string {
		return func(_ int, record string) string { return strings.Replace(record, old, new, 1) }
	}
	write := func(text string) { k.WriteRaw("people.json", text) }
	write(export(same))
	c := k.Config()
	c.Rules[0].Source = config.Source{Settings: file.At(filepath.Join(k.Dir, "people.json"))}
	c.Rules[0].Filter = `user.staff == true`
	synced(t, k, c)
	before := k.Havings()
	require.Len(t, before, 12)
	const failed, held, completed = api.SyncFailed, api.SyncHeld, api.SyncCompleted
	for _, c := range []struct {
		name, text string
		outcome
	}{
		{"an empty array", "[]", outcome{state: failed, cause: fault.SourceEmpty}},
		{"null", "null", outcome{state: failed, cause: fault.SourceMalformed}},
		{"an error message", `{"error":"no session"}`, outcome{state: failed, cause: fault.SourceColumnMissing}},
		{"cut", export(same)[:900], outcome{state: failed, cause: fault.SourceIncomplete}},
		{"half, and whole JSON again", export(same)[:strings.Index(export(same), `{"id":1006`)-2] + "]", outcome{state: held, cause: fault.RemovalsHeld}},
		{"one object a line", strings.Trim(strings.ReplaceAll(export(same), ",\n", "\n"), "[]"), outcome{state: completed}},
		{"ids are fractions", export(replaced(`,"username"`, `.5,"username"`)), outcome{state: failed, cause: fault.SourceMalformed}},
		{"what the filter compares became text", export(replaced(`"staff":true`, `"staff":"true"`)), outcome{state: completed, cause: fault.FilterFailed, people: 12}},
		{"what the filter compares is null", export(replaced(`"staff":true`, `"staff":null`)), outcome{state: held, cause: fault.EverybodyLeft}},
		{"enabled is null", export(replaced(`"enabled":true`, `"enabled":null`)), outcome{state: completed, cause: fault.EnabledUnreadable, people: 12}},
		{"enabled is an object", export(replaced(`"enabled":true`, `"enabled":{"value":true}`)), outcome{state: completed, cause: fault.EnabledUnreadable, people: 12}},
		{"everybody off at once", export(replaced(`"enabled":true`, `"enabled":0`)), outcome{state: held, cause: fault.RemovalsHeld, people: 12}},
		{"licenses null", export(replaced(`"SPE_E3"`, `null`)), outcome{state: held, cause: fault.RemovalsHeld, people: 12}},
		{"licenses only where one was left", export(func(i int, record string) string {
			if i == 0 {
				return record
			}
			return strings.Replace(record, `"license":"SPE_E3",`, "", 1)
		}), outcome{state: held, cause: fault.RemovalsHeld, people: 11}},
		{"the license key lost", export(replaced(`"license":"SPE_E3",`, "")), outcome{state: failed, cause: fault.SourceColumnMissing}},
		{"a license that is an object", export(replaced(`"SPE_E3"`, `{"sku":"SPE_E3"}`)), outcome{state: completed, cause: fault.MappingFailed, people: 12}},
		{"ids as text", export(func(i int, record string) string {
			return strings.Replace(record, fmt.Sprint(1000+i), fmt.Sprintf(`"%d"`, 1000+i), 1)
		}), outcome{state: completed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(c.text)
			c.sync(t, k, before)
		})
	}
	write(export(same))
	r := k.MustSync("staff")
	require.Equal(t, 12, r.Success, "%s", r.Message)
	require.Equal(t, before, k.Havings())
}
