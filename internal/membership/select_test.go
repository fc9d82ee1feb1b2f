package membership_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/source"
)

var shop = []source.Group{
	{ID: "1", Name: "Sales", Description: "Who sells"}, {ID: "2", Name: "Purchase"}, {ID: "3", Name: "app-mail"}, {ID: "4", Name: "app-chat"},
	{ID: "5", Name: "Twins"}, {ID: "6", Name: "Twins"}, {ID: "Sales", Name: "Id is a name"},
}

func TestSelect(t *testing.T) {
	t.Parallel()
	text := func(s string) config.GroupText { return config.GroupText{Value: s} }
	for name, c := range map[string]struct {
		entries  []config.Group
		wanted   string // ids
		problems string // setting:reason
	}{
		"an id goes before a name":               {[]config.Group{{Source: "Sales"}}, "Sales", ""},
		"by name":                                {[]config.Group{{Source: "Purchase"}}, "2", ""},
		"several by an expression":               {[]config.Group{{Match: "prefix:app-"}}, "3 4", ""},
		"a name that is not there":               {[]config.Group{{Source: "Purchases"}}, "", "groups[0].source:group_not_found"},
		"a name of two":                          {[]config.Group{{Source: "Twins"}}, "", "groups[0].source:group_ambiguous"},
		"one of two, by id":                      {[]config.Group{{Source: "5"}}, "5", ""},
		"picked twice by name":                   {[]config.Group{{Source: "Purchase"}, {Source: "2"}}, "2", "groups[1].source:group_picked_twice"},
		"picked twice by expressions":            {[]config.Group{{Match: "prefix:app-"}, {Match: "prefix:app-m"}}, "3 4", "groups[1].match:group_picked_twice"},
		"a name goes before an expression":       {[]config.Group{{Match: "prefix:app-"}, {Source: "app-mail", Name: text("Mail")}}, "3 4", ""},
		"an expression that fails":               {[]config.Group{{Match: "fail"}}, "", strings.Repeat("groups[0].match:group_expression_failed ", 7)},
		"a name's expression that fails":         {[]config.Group{{Source: "2", Name: config.GroupText{Expression: "fail"}}}, "", "groups[0].name:group_expression_failed"},
		"two of one target name":                 {[]config.Group{{Source: "1", Name: text("Same")}, {Source: "2", Name: text("same")}}, "1", "groups[1].name:group_target_twice"},
		"two of one target":                      {[]config.Group{{Source: "1", Target: "AB"}, {Source: "2", Target: "ab"}}, "1", "groups[1].target:group_target_twice"},
		"the same name, kept in another group":   {[]config.Group{{Source: "5", Target: "AB"}, {Source: "6"}}, "5 6", ""},
		"a name that is too long":                {[]config.Group{{Source: "1", Name: text(strings.Repeat("x", 257))}}, "", "groups[0].name:group_text_invalid"},
		"a description that is too long":         {[]config.Group{{Source: "1", Description: text(strings.Repeat("x", 1025))}}, "", "groups[0].description:group_text_invalid"},
		"a nickname that Graph does not take":    {[]config.Group{{Source: "1", MailNickname: text("a b")}}, "", "groups[0].mailNickname:group_text_invalid"},
		"a nickname with letters of other signs": {[]config.Group{{Source: "1", MailNickname: text("é")}}, "", "groups[0].mailNickname:group_text_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := membership.Select(c.entries, shop, words{})
			var wanted, problems []string
			for _, w := range s.Wanted {
				wanted = append(wanted, w.Group.ID)
			}
			for _, p := range s.Problems {
				problems = append(problems, p.Setting+":"+string(p.Reason))
			}
			require.Equal(t, c.wanted, strings.Join(wanted, " "))
			require.Equal(t, strings.TrimSpace(c.problems), strings.Join(problems, " "))
		})
	}
}

func TestNearestNames(t *testing.T) {
	t.Parallel()
	s := membership.Select([]config.Group{{Source: "app-maul"}, {Source: "Nothing like it"}}, shop, words{})
	require.Equal(t, []string{"app-mail"}, s.Problems[0].Near)
	require.Empty(t, s.Problems[1].Near)
	require.Equal(t, fault.GroupNotFound, s.Problems[1].Reason)
}

func TestWhatAGroupIsAtTheTarget(t *testing.T) {
	t.Parallel()
	s := membership.Select([]config.Group{
		{Source: "1", WhenRemoved: config.RemovedDeleteGroup}, {Source: "3", Name: config.GroupText{Expression: "upper"}, Type: config.GroupMicrosoft365},
	}, shop, words{})
	require.Equal(t, membership.Wanted{
		Group: shop[0], Name: "Sales", Description: "Who sells", Type: config.GroupSecurity, MailNickname: "sales",
		Existing: config.ExistingMerge, WhenRemoved: config.RemovedDeleteGroup,
	}, s.Wanted[0])
	require.Equal(t, "APP-MAIL", s.Wanted[1].Name)
	require.Equal(t, config.GroupMicrosoft365, s.Wanted[1].Type)
	require.Equal(t, "app-mail", s.Wanted[1].MailNickname)
}

func TestNicknames(t *testing.T) {
	t.Parallel()
	of := func(name, id string) string {
		return membership.Select([]config.Group{{Source: id}}, []source.Group{{ID: id, Name: name}}, words{}).Wanted[0].MailNickname
	}
	require.Equal(t, "research-development", of("Research & Development", "1"))
	require.NotEqual(t, of("研究", "1"), of("開発", "2"), "where nothing is left of the names")
	require.Regexp(t, "^group-[0-9a-f]{8}$", of("研究", "1"))
	long := strings.Repeat("very long ", 20)
	require.LessOrEqual(t, len(of(long, "1")), 64)
	require.NotEqual(t, of(long, "1"), of(long, "2"))
}

func TestUniqueName(t *testing.T) {
	t.Parallel()
	name := membership.UniqueName("contoso", "Sales")
	require.Regexp(t, "^entraflow-[0-9a-f]{32}$", name)
	require.NotEqual(t, name, membership.UniqueName("contoso", "sales"))
	require.NotEqual(t, name, membership.UniqueName("fabrikam", "Sales"))
	require.NotEqual(t, membership.UniqueName("a/b", "c"), membership.UniqueName("a", "b/c"))
	require.Equal(t, "contoso/staff/Sales%20EMEA", membership.Link("contoso", "staff", "Sales EMEA"))
}
