// Package docs_test keeps the pages of this folder, and the README, to what the code says.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/engine"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// rows gives the cells of all table rows of a page whose first cell is one word of code, by that word.
func rows(t *testing.T, page string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, "¦"), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		key := strings.Trim(cells[0], "`")
		if _, twice := out[key]; twice {
			continue
		}
		out[key] = cells
	}
	return out
}

func TestConfigurationHasEveryKeyWithItsDefault(t *testing.T) {
	t.Parallel()
	table := rows(t, read(t, "configuration.md"))
	defaults := reflect.ValueOf(config.Connection{Cloud: config.CloudGlobal, Preferences: config.DefaultPreferences()})
	walk(defaults, "", func(key string, value any) {
		row, ok := table[key]
		require.True(t, ok, "docs/configuration.md has no row for %s", key)
		if strings.HasPrefix(key, "preferences.") || key == "cloud" {
			require.Equal(t, fmt.Sprintf("`%v`", value), row[1], key)
		}
	})
}

// walk gives each key of a configuration with its default.
func walk(v reflect.Value, prefix string, each func(key string, value any)) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		field := v.Field(i)
		switch {
		case field.Type() == reflect.TypeFor[config.GroupText]():
			// A text for whoever writes it.
			each(prefix+name, nil)
		case field.Kind() == reflect.Struct:
			walk(field, prefix+name+".", each)
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			each(prefix+name, nil)
			walk(reflect.New(field.Type().Elem()).Elem(), prefix+name+"[].", each)
		default:
			each(prefix+name, field.Interface())
		}
	}
}

func TestConfigurationHasEveryAttribute(t *testing.T) {
	t.Parallel()
	page := read(t, "configuration.md")
	_, section, found := strings.Cut(page, "\n## Mappings\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	table := rows(t, section)
	code := regexp.MustCompile("`([^`]+)`")
	for _, a := range directory.Attributes() {
		row, ok := table[a.Name]
		require.True(t, ok, "docs/configuration.md has no row for %s", a.Name)
		var aliases []string
		for _, m := range code.FindAllStringSubmatch(row[1], -1) {
			aliases = append(aliases, m[1])
		}
		require.Equal(t, a.Aliases, aliases, a.Name)
		length := ""
		if a.MaxLength > 0 {
			length = strconv.Itoa(a.MaxLength)
		}
		require.Equal(t, length, row[2], a.Name)
		delete(table, a.Name)
	}
	for name := range table {
		_, known := directory.FindAttribute(name)
		require.False(t, known, name)
	}
}

// What the page says of YAML is what a file with that line gets: a refusal, and none when it is written as advised.
func TestConfigurationIsRightAboutYAML(t *testing.T) {
	t.Parallel()
	page := read(t, "configuration.md")
	_, section, found := strings.Cut(page, "\n## What YAML does to expressions\n")
	require.True(t, found)
	tried := 0
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| (?:`([^`]+)`|[^|]+) \\|$").FindAllStringSubmatch(section, -1) {
		tried++
		written, advised := row[1], row[2]
		_, err := config.Parse("/x/c.yaml", []byte(yamlWith(written)))
		if strings.HasPrefix(written, "country:") {
			require.NoError(t, err, written)
		} else {
			require.Error(t, err, written)
		}
		if advised == "" {
			continue
		}
		_, err = config.Parse("/x/c.yaml", []byte(yamlWith(advised)))
		if strings.Contains(advised, "#1") {
			require.ErrorContains(t, err, "jobTitle", "quoted, the text reaches CEL whole")
			continue
		}
		require.NoError(t, err, advised)
	}
	require.Equal(t, 8, tried)
}

func yamlWith(line string) string {
	mappings := map[string]string{
		"userPrincipalName": `'user.a + "@contoso.com"'`, "displayName": "'user.b'", "mailNickname": "'user.a'",
		"password": "'randomPassword(24)'", "usageLocation": "{value: US}",
	}
	key, value, _ := strings.Cut(line, ":")
	if key != "filter" {
		mappings[key] = value
	}
	text := "name: c\ntenantId: contoso.com\nclientId: 0c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f70\nclientSecret: env:S\nrules:\n  - name: r\n    source: {file: people.csv}\n"
	if key == "filter" {
		text += "    " + line + "\n"
	}
	text += "    mappings:\n"
	for k, v := range mappings {
		text += "      " + k + ": " + strings.TrimSpace(v) + "\n"
	}
	return text
}

func TestOperationsHasEverySettingAndMessage(t *testing.T) {
	t.Parallel()
	page := read(t, "operations.md")
	settings := reflect.TypeFor[engine.Environment]()
	for i := range settings.NumField() {
		f := settings.Field(i)
		row, ok := rows(t, page)[variable(f.Name)]
		require.True(t, ok, "docs/operations.md has no row for %s", variable(f.Name))
		if d := f.Tag.Get("default"); d != "" {
			require.Equal(t, "`"+d+"`", row[1], f.Name)
		}
	}
	for _, name := range wire.SearchAttributes() {
		require.Contains(t, page, "--name "+name+" --type Keyword")
	}
	for _, message := range []string{
		api.UpdateApply, api.UpdateTest, api.UpdateEnable, api.UpdateDisable, api.UpdateEnableRule,
		api.UpdateDisableRule, api.UpdateDeleteRule, api.UpdateApproveRemovals, api.UpdateDelete, api.UpdateMoveLink,
	} {
		require.Regexp(t, `(?m)^temporal workflow (update execute|execute-update-with-start).* (--name|--update-name) `+message+`\b`, page)
	}
	for _, workflowType := range []string{
		api.ConnectionType, api.SyncRuleType, api.ProvisionUserType, api.DeprovisionUserType, api.DeleteRuleType, api.MoveLinkType, api.SyncGroupType,
	} {
		require.Contains(t, page, "| `"+workflowType+"` |")
		require.Contains(t, page, "--type "+workflowType)
	}
}

// variable is the environment variable of a setting: WriteShare is ENTRAFLOW_WRITE_SHARE.
func variable(field string) string {
	return "ENTRAFLOW_" + strings.ToUpper(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(field, "${1}_${2}"))
}

// Every link of every page leads to a file, and to a heading where it names one.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(m[1], "#")
			file := filepath.Join(filepath.Dir(page), target)
			if target == "" {
				file = page
			}
			info, err := os.Stat(file)
			require.NoError(t, err, "%s links to %s", page, m[1])
			if anchor != "" {
				require.False(t, info.IsDir(), m[1])
				require.Contains(t, anchors(read(t, file)), anchor, "%s links to %s", page, m[1])
			}
		}
	}
}

// pages are all Markdown files of the repository.
func pages(t *testing.T) []string {
	var out []string
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			out = append(out, path)
		}
		return nil
	}))
	require.NotEmpty(t, out)
	return out
}

// anchors are the names by which a page's headings are linked to.
func anchors(page string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(kept, " ", "-"))
	}
	return out
}

// The README's test command is the one that CI runs.
func TestTheTestCommandIsThatOfCI(t *testing.T) {
	t.Parallel()
	const command = "go test -timeout 30m ./..."
	require.Contains(t, read(t, "../README.md"), "\n"+command+"\n")
	require.Regexp(t, `(?m)^\s*`+regexp.QuoteMeta(command)+`$`, read(t, "../.ci/run"))
}
