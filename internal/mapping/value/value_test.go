package value_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/value"
)

func attribute(t *testing.T, name string) directory.Attribute {
	t.Helper()
	a, ok := directory.FindAttribute(name)
	require.True(t, ok, name)
	return a
}

func TestText(t *testing.T) {
	t.Parallel()
	domain48 := strings.Repeat("d", 43) + ".test"
	require.Len(t, domain48, 48)
	tests := []struct {
		attribute, in, want string
		reason              fault.Reason
	}{
		{"userPrincipalName", " ann.o'neil_x-1!#^~@contoso.com ", "ann.o'neil_x-1!#^~@contoso.com", ""},
		{"userPrincipalName", strings.Repeat("a", 64) + "@" + domain48, strings.Repeat("a", 64) + "@" + domain48, ""},
		{"userPrincipalName", strings.Repeat("a", 65) + "@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "a@d" + domain48, "", fault.UPNInvalid},
		{"userPrincipalName", "ann.@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", ".ann@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "ann..lee@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "$ann#1@contoso.com", "$ann#1@contoso.com", ""},
		{"userPrincipalName", "änn@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "a&b@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "a b@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "ann", "", fault.UPNInvalid},
		{"userPrincipalName", "@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "a@b@contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "ann@contoso", "", fault.UPNInvalid},
		{"userPrincipalName", "ann@-contoso.com", "", fault.UPNInvalid},
		{"userPrincipalName", "ann@contoso..com", "", fault.UPNInvalid},
		{"userPrincipalName", "ann@contoso_x.com", "", fault.UPNInvalid},
		{"userPrincipalName", " ", "", fault.AttributeRequired},
		{"displayName", "", "", fault.AttributeRequired},
		{"displayName", strings.Repeat("ä", 256), strings.Repeat("ä", 256), ""},
		{"displayName", strings.Repeat("ä", 257), "", fault.AttributeTooLong},
		{"displayName", "a\x1fb", "", fault.AttributeInvalid},
		{"streetAddress", "Main Street 1\r\nback yard", "Main Street 1\r\nback yard", ""},
		{"streetAddress", "Main Street\v1", "", fault.AttributeInvalid},
		{"displayName", "a\xffb", "", fault.AttributeInvalid},
		{"mailNickname", "ann.o'neil", "ann.o'neil", ""},
		{"mailNickname", "ann o", "", fault.AttributeInvalid},
		{"mailNickname", "ann@x", "", fault.AttributeInvalid},
		{"mailNickname", "änn", "", fault.AttributeInvalid},
		{"mailNickname", "a\x01b", "", fault.AttributeInvalid},
		{"mailNickname", strings.Repeat("a", 65), "", fault.AttributeTooLong},
		{"usageLocation", "us", "US", ""},
		{"usageLocation", " NO ", "NO", ""},
		{"usageLocation", "UK", "", fault.UsageLocationInvalid},
		{"usageLocation", "USA", "", fault.UsageLocationInvalid},
		{"usageLocation", "D ", "", fault.UsageLocationInvalid},
		{"usageLocation", "D E", "", fault.UsageLocationInvalid},
		{"usageLocation", "", "", ""},
		{"employeeId", "1234567890123456", "1234567890123456", ""},
		{"employeeId", "12345678901234567", "", fault.AttributeTooLong},
		{"onPremisesImmutableId", "abc+/==", "abc+/==", ""},
		{"onPremisesImmutableId", "a_b", "", fault.AttributeInvalid},
		{"onPremisesImmutableId", "a$b", "", fault.AttributeInvalid},
		{"ageGroup", " notadult", "NotAdult", ""},
		{"ageGroup", "", "", ""},
		{"ageGroup", "Child", "", fault.AttributeInvalid},
		{"jobTitle", "  Clerk\t", "Clerk", ""},
		{"officeLocation", strings.Repeat("x", 3000), strings.Repeat("x", 3000), ""},
	}
	for _, test := range tests {
		got, err := value.Text(attribute(t, test.attribute), test.in)
		if test.reason != "" {
			requireFault(t, err, test.reason, test.attribute)
			continue
		}
		require.NoError(t, err, test.in)
		require.Equal(t, test.want, got)
	}
}

// Characters that no attribute should hold fail the person, with the attribute and the code point.
func TestForeignCharacters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Ann\x00Lee": "U+0000", "Ann\x1bLee": "U+001B", "Ann\vLee": "U+000B", "Ann\nLee": "U+000A", "Ann\tLee": "U+0009", "Ann\u0085Lee": "U+0085",
		"Ann\u2028Lee": "U+2028", "Ann\ufffdLee": "U+FFFD", "Ann\xed\xa0\x80Lee": "U+FFFD", "Ann\uffffLee": "U+FFFF", "Ann\U0001fffeLee": "U+1FFFE",
	} {
		for _, name := range []string{"displayName", "jobTitle", "otherMails"} {
			_, err := value.Text(attribute(t, name), in)
			require.Error(t, err, in)
			require.Equal(t, name+", "+want, fault.Of(err).Subject)
			require.Equal(t, fault.AttributeInvalid, fault.Of(err).Reason)
		}
	}
	for _, in := range []string{"Ann Lee", "فاطمه\u200cزهرا", "Ann 👩\u200d🔧", "日本", "Ann\u00a0Lee"} {
		got, err := value.Text(attribute(t, "displayName"), in)
		require.NoError(t, err)
		require.Equal(t, in, got)
	}
	_, err := value.Text(attribute(t, "userPrincipalName"), "änn@contoso.com")
	require.Equal(t, "userPrincipalName, U+00E4", fault.Of(err).Subject)
}

func TestEveryCountryCodeStandsAlone(t *testing.T) {
	t.Parallel()
	a, count := attribute(t, "usageLocation"), 0
	for x := 'A'; x <= 'Z'; x++ {
		for y := 'A'; y <= 'Z'; y++ {
			if _, err := value.Text(a, string([]rune{x, y})); err == nil {
				count++
			}
		}
	}
	require.Equal(t, 249, count, "ISO 3166-1 assigns 249 codes")
}

func TestList(t *testing.T) {
	t.Parallel()
	mails, phones := attribute(t, "otherMails"), attribute(t, "businessPhones")

	got, err := value.List(mails, []string{" a@x.test ", "", "b@x.test", "A@x.test"})
	require.NoError(t, err)
	require.Equal(t, []string{"a@x.test", "b@x.test"}, got)

	_, err = value.List(mails, []string{strings.Repeat("a", 251)})
	requireFault(t, err, fault.AttributeTooLong, "otherMails")

	many := make([]string, 251)
	for i := range many {
		many[i] = strings.Repeat("a", i+1)[:min(i+1, 250)]
	}
	_, err = value.List(mails, many[:250])
	require.NoError(t, err)
	many[250] = "z"
	_, err = value.List(mails, many)
	requireFault(t, err, fault.AttributeInvalid, "otherMails")

	got, err = value.List(phones, []string{"", "+1 555", "+1 555"})
	require.NoError(t, err)
	require.Equal(t, []string{"+1 555"}, got)
	_, err = value.List(phones, []string{"+1 555", "+1 556"})
	requireFault(t, err, fault.AttributeInvalid, "businessPhones")
}

func TestLicenses(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"SPE_E3", "EMS", "x y"}, value.Licenses([]string{"SPE_E3, EMS;;|", "ems", " x y "}))
	require.Empty(t, value.Licenses([]string{"", " , "}))
	require.Empty(t, value.Licenses(nil))
}

func TestFlag(t *testing.T) {
	t.Parallel()
	a := attribute(t, "accountEnabled")
	for in, want := range map[string]bool{"true": true, " YES": true, "1": true, "False": false, "no": false, "0": false} {
		got, err := value.Flag(a, in)
		require.NoError(t, err)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "maybe", "2", "disabled"} {
		_, err := value.Flag(a, in)
		requireFault(t, err, fault.MappingFailed, "accountEnabled")
	}
}

func requireFault(t *testing.T, err error, reason fault.Reason, subject string) {
	t.Helper()
	require.Error(t, err)
	f := fault.Of(err)
	require.Equal(t, reason, f.Reason)
	require.Equal(t, fault.Invalid, f.Kind)
	attribute, _, _ := strings.Cut(f.Subject, ", ")
	require.Equal(t, subject, attribute)
	require.Nil(t, f.Err)
}
