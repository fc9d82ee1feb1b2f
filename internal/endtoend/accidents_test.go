package endtoend_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/workflows"
)

// The accidents of these tests are what goes wrong around entraflow: files, settings, tenants, machines. Each ends with
// exactly those people losing something whom it says, and with a message that names the cause.

// outcome is how a sync met an accident.
type outcome struct {
	// state of the sync; SyncFailed where it ended with an error.
	state api.SyncState
	// cause is the reason that the sync's message must name, with its sentence.
	cause fault.Reason
	// people is how many people's notes or counters carry the cause; 0 where it is the whole sync's.
	people int
	// lost are the sign-in names that may be disabled, deleted or lose a license; nobody else may.
	lost []string
	// created is how many accounts may be made.
	created int
}

// sync runs the rule and checks how it ended, and who lost what against what all had before.
func (o outcome) sync(t *testing.T, k *testkit.Kit, before map[string]testkit.Having) api.SyncResult {
	t.Helper()
	r, err := k.Sync("staff")
	k.AwaitSynced()
	o.check(t, k, before, r, err)
	return r
}

func (o outcome) check(t *testing.T, k *testkit.Kit, before map[string]testkit.Having, r api.SyncResult, err error) {
	t.Helper()
	if o.state == api.SyncFailed {
		require.Error(t, err, "%+v", r)
		require.Equal(t, o.cause, refusal(t, err), "%v", err)
		require.Contains(t, err.Error(), o.cause.Sentence())
		require.Equal(t, o.cause, k.Describe().Syncs["staff"].Reason, "the connection shows it, too")
	} else {
		require.NoError(t, err)
		require.Equal(t, o.state, r.State, "%s %+v", r.Message, r)
		if o.cause != "" {
			require.Contains(t, r.Message, o.cause.Sentence())
			require.Contains(t, r.Message, string(o.cause))
			require.Contains(t, workflows.SyncReport(r), string(o.cause))
		}
		if o.people > 0 {
			require.Equal(t, o.people, concerned(r, o.cause), "%+v", r)
		}
	}
	after := k.Havings()
	require.ElementsMatch(t, o.lost, lost(before, after))
	require.Len(t, after, len(before)+o.created-deletedOf(before, after), "no account but those expected was made")
}

// concerned is how many people a result gives a reason for.
func concerned(r api.SyncResult, reason fault.Reason) int {
	if n := r.Reasons[reason]; n > 0 {
		return n
	}
	n := 0
	for _, d := range r.Doubtful {
		if d.Reason == reason {
			n++
		}
	}
	return n
}

// lost are the names, local parts as they were before, of accounts that are gone, disabled, or have a license less.
func lost(before, after map[string]testkit.Having) []string {
	var out []string
	for id, b := range before {
		a, there := after[id]
		less := slices.ContainsFunc(b.Licenses, func(l string) bool { return !slices.Contains(a.Licenses, l) })
		if !there || b.Enabled && !a.Enabled || less {
			name, _, _ := strings.Cut(b.Name, "@")
			out = append(out, name)
		}
	}
	return out
}

func deletedOf(before, after map[string]testkit.Having) int {
	n := 0
	for id := range before {
		if _, there := after[id]; !there {
			n++
		}
	}
	return n
}

// restored writes the file as it was, takes accounts away that the accident made, and demands that everything is as before.
func restored(t *testing.T, k *testkit.Kit, before map[string]testkit.Having, lines []string) {
	t.Helper()
	k.Forget(before)
	k.WritePeople(lines...)
	r := k.MustSync("staff")
	k.AwaitSynced()
	require.Equal(t, api.SyncCompleted, r.State, "%s", r.Message)
	require.Equal(t, len(lines)-1, r.Success, "%s %+v", r.Message, r.Problems)
	require.Equal(t, before, k.Havings())
}

// each changes every line of a file after the header, field by field.
func each(lines []string, change func(i int, fields []string)) []string {
	out := []string{lines[0]}
	for i, line := range lines[1:] {
		fields := strings.Split(line, ",")
		change(i, fields)
		out = append(out, strings.Join(fields, ","))
	}
	return out
}

// without takes a column away, or gives it another name.
func without(lines []string, column, name string) []string {
	at := slices.Index(strings.Split(lines[0], ","), column)
	out := []string{}
	for i, line := range lines {
		fields := strings.Split(line, ",")
		switch {
		case name == "":
			fields = slices.Delete(fields, at, at+1)
		case i == 0:
			fields[at] = name
		}
		out = append(out, strings.Join(fields, ","))
	}
	return out
}

// The columns of testkit.Header.
const (
	columnID = iota
	columnUsername
	columnGiven
	columnFamily
	columnCountry
	columnLicense
	columnEnabled
	columnDepartment
)

// property is the full name of one of the extension properties of the simulated application.
func property(name string) string {
	return "extension_" + strings.ReplaceAll(simulator.DefaultClientID, "-", "") + "_" + name
}

// mutate changes the tenant as an administrator would.
func mutate(t *testing.T, k *testkit.Kit, change func(*simulator.Tenant) error) {
	t.Helper()
	k.Simulator.Mutate(func(tenant *simulator.Tenant) { require.NoError(t, change(tenant)) })
}

// message is the whole text of an application error.
func message(err error) string {
	var e *temporal.ApplicationError
	if errors.As(err, &e) {
		return e.Error()
	}
	return ""
}

// listing is the tenant's list of users as one page, as Graph would write it, without some of the properties.
func listing(t *testing.T, k *testkit.Kit, omit ...string) string {
	t.Helper()
	users := []map[string]any{}
	for _, u := range k.Simulator.State().Tenants[0].Users {
		row := map[string]any{"id": u.ID, "assignedLicenses": []any{}, "licenseAssignmentStates": []any{}}
		for name, value := range u.Properties {
			row[name] = value
		}
		for _, l := range u.Licenses {
			row["assignedLicenses"] = append(row["assignedLicenses"].([]any), map[string]any{"skuId": l.SkuID, "disabledPlans": []any{}})
			row["licenseAssignmentStates"] = append(row["licenseAssignmentStates"].([]any),
				map[string]any{"skuId": l.SkuID, "disabledPlans": []any{}, "assignedByGroup": nil, "state": "Active", "error": "None"})
		}
		for _, name := range omit {
			delete(row, name)
		}
		users = append(users, row)
	}
	b, err := json.Marshal(map[string]any{"value": users})
	require.NoError(t, err)
	return string(b)
}
