// Package deploy_test keeps docker-compose.yml, the Dockerfile and the scripts beside this file in step with the code, and
// holds them to what docs/deployment.md promises. It needs no Docker.
package deploy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/engine"
)

// service is what is looked at of a service.
type service struct {
	Image, User, Restart string
	Entrypoint           []string
	Environment          map[string]string
	Ports, Volumes       []string
	Secrets, Networks    []string
	Privileged           bool
	ReadOnly             bool     `yaml:"read_only"`
	CapDrop              []string `yaml:"cap_drop"`
	SecurityOpt          []string `yaml:"security_opt"`
	Healthcheck          any
	DependsOn            map[string]struct{ Condition string } `yaml:"depends_on"`
	Deploy               struct{ Replicas string }
}

type composition struct {
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Secrets  map[string]map[string]string
}

// oneShot are the services that end by themselves, or are started by hand.
var oneShot = []string{"temporal-schema", "temporal-namespace", "entraflow"}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", path))
	require.NoError(t, err)
	return b
}

func compose(t *testing.T) composition {
	t.Helper()
	var c composition
	require.NoError(t, yaml.Unmarshal(read(t, "docker-compose.yml"), &c))
	require.NotEmpty(t, c.Services)
	return c
}

func TestServices(t *testing.T) {
	t.Parallel()
	c := compose(t)
	pinned := regexp.MustCompile(`:\d+\.\d+\.?\d*[\w.-]*$`)
	for name, s := range c.Services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(s.Image, "entraflow:") {
				require.True(t, s.ReadOnly)
				require.Equal(t, []string{"ALL"}, s.CapDrop)
				require.Contains(t, s.SecurityOpt, "no-new-privileges:true")
				for _, v := range s.Volumes {
					require.True(t, strings.HasSuffix(v, ":ro"), v)
				}
			} else {
				require.Regexp(t, pinned, s.Image, "a version, and not a moving tag")
			}
			require.False(t, s.Privileged)
			for _, p := range s.Ports {
				require.True(t, strings.HasPrefix(p, "127.0.0.1:"), "%s is published beyond this machine", p)
			}
			if !slices.Contains(oneShot, name) {
				require.Equal(t, "unless-stopped", s.Restart)
			}
			for key, value := range s.Environment {
				bound := key == "ENTRAFLOW_SECRET_ROOT" || key == "ENTRAFLOW_SECRET_ENV" // They hold no secret.
				if !bound && (strings.Contains(key, "PASSWORD") || strings.Contains(key, "SECRET")) {
					require.True(t, strings.HasSuffix(key, "_FILE") && strings.HasPrefix(value, "/run/secrets/"), "%s is no file", key)
				}
			}
			for _, secret := range s.Secrets {
				require.Contains(t, c.Secrets, secret)
			}
			for other, d := range s.DependsOn {
				switch d.Condition {
				case "service_healthy":
					require.NotNil(t, c.Services[other].Healthcheck, "%s says nothing of its health", other)
				case "service_completed_successfully":
					require.Contains(t, oneShot, other)
				default:
					require.Fail(t, "nothing is waited for", "%s: %q", other, d.Condition)
				}
			}
			for _, n := range s.Networks {
				require.Contains(t, c.Networks, n)
			}
		})
	}
	for name, s := range c.Secrets {
		require.Contains(t, s, "file", name)
	}
}

// Only Temporal may reach the database, and the database nobody.
func TestDatabaseIsApart(t *testing.T) {
	t.Parallel()
	c := compose(t)
	require.True(t, c.Networks["database"].Internal)
	require.Equal(t, []string{"database"}, c.Services["postgresql"].Networks)
	require.Empty(t, c.Services["postgresql"].Ports)
	for name, s := range c.Services {
		if slices.Contains(s.Networks, "database") {
			require.Contains(t, []string{"postgresql", "temporal-schema", "temporal"}, name)
		}
	}
}

// What is composed is what the tests of internal/topology run.
func TestVersions(t *testing.T) {
	t.Parallel()
	c := compose(t)
	tools := read(t, "tools/go.mod")
	version := func(module string) string {
		found := regexp.MustCompile(regexp.QuoteMeta(module) + ` v([\d.]+)`).FindSubmatch(tools)
		require.NotNil(t, found, module)
		return string(found[1])
	}
	server := version("go.temporal.io/server")
	require.Equal(t, "temporalio/server:"+server, c.Services["temporal"].Image)
	for _, name := range []string{"temporal-schema", "temporal-namespace"} {
		require.True(t, strings.HasPrefix(c.Services[name].Image, "temporalio/admin-tools:"+server+"-"), c.Services[name].Image)
	}
	require.Equal(t, "temporalio/ui:"+version("github.com/temporalio/ui-server/v2"), c.Services["temporal-ui"].Image)

	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(read(t, "go.mod"))
	require.NotNil(t, language)
	require.Contains(t, string(read(t, "Dockerfile")), "FROM golang:"+string(language[1])+".")
}

// A variable that the worker does not know is a setting without effect.
func TestWorkerSettings(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"TEMPORAL_ADDRESS": true, "TEMPORAL_NAMESPACE": true}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[engine.Environment]()) {
		known["ENTRAFLOW_"+screaming(field.Name)] = true
	}
	c := compose(t)
	for _, name := range []string{"worker", "entraflow"} {
		for key := range c.Services[name].Environment {
			require.True(t, known[key], "%s: %s", name, key)
		}
	}
	require.Equal(t, "/sources", c.Services["worker"].Environment["ENTRAFLOW_SOURCE_ROOT"])
	require.Equal(t, "/run/secrets", c.Services["worker"].Environment["ENTRAFLOW_SECRET_ROOT"])
	require.Equal(t, "ENTRA_*", c.Services["worker"].Environment["ENTRAFLOW_SECRET_ENV"])
	require.Equal(t, "${ENTRAFLOW_TENANTS:-}", c.Services["worker"].Environment["ENTRAFLOW_TENANTS"])
	// Two workers and half of the budget each, unless somebody says otherwise.
	require.Equal(t, "${ENTRAFLOW_WORKERS:-2}", c.Services["worker"].Deploy.Replicas)
	require.Equal(t, "${ENTRAFLOW_WRITE_SHARE:-0.5}", c.Services["worker"].Environment["ENTRAFLOW_WRITE_SHARE"])
}

// screaming writes a field's name as envconfig does with split_words.
func screaming(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

func TestSearchAttributes(t *testing.T) {
	t.Parallel()
	var registered []string
	for _, found := range regexp.MustCompile(`--name (\w+) --type Keyword`).FindAllSubmatch(read(t, "deploy/temporal/namespace.sh"), -1) {
		registered = append(registered, string(found[1]))
	}
	require.ElementsMatch(t, wire.SearchAttributes(), registered)
}

// Every script that a container is started with is there, and can be run.
func TestScripts(t *testing.T) {
	t.Parallel()
	for name, s := range compose(t).Services {
		for _, arg := range s.Entrypoint {
			if script, ok := strings.CutPrefix(arg, "/deploy/"); ok {
				info, err := os.Stat(filepath.Join("temporal", script))
				require.NoError(t, err, name)
				require.NotZero(t, info.Mode()&0o111, script)
				require.True(t, slices.ContainsFunc(s.Volumes, func(v string) bool { return v == "./deploy/temporal:/deploy:ro" }), name)
			}
		}
	}
}

// The image is built from what the Dockerfile names; a package outside of it would be missed there and nowhere else.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	dockerfile, ignored := read(t, "Dockerfile"), read(t, ".dockerignore")
	final := dockerfile[bytes.LastIndex(dockerfile, []byte("\nFROM ")):]
	require.Contains(t, string(final), "FROM scratch\n")
	require.Regexp(t, `(?m)^USER [1-9]\d*:[1-9]\d*$`, string(final))
	require.True(t, bytes.HasPrefix(bytes.TrimSpace(regexp.MustCompile(`(?m)^#.*\n`).ReplaceAll(ignored, nil)), []byte("*\n")), "nothing gets in unnamed")
	copied := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^COPY (\w+) \./\w+$`).FindAllSubmatch(dockerfile, -1) {
		copied[string(found[1])] = true
		require.Contains(t, string(ignored), "\n!"+string(found[1])+"\n")
	}
	require.NotEmpty(t, copied)
	for dir := range copied {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, found := range regexp.MustCompile(`"github.com/entraflow/entraflow/(\w+)`).FindAllSubmatch(b, -1) {
				require.True(t, copied[string(found[1])], "%s imports a package of %s, which is not copied into the image", path, found[1])
			}
			return err
		}))
	}
}
