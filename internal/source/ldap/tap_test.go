package ldap

import (
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"
)

func sequence(tag ber.Tag, class ber.Class, children ...*ber.Packet) *ber.Packet {
	p := ber.Encode(class, ber.TypeConstructed, tag, nil, "")
	for _, c := range children {
		p.AppendChild(c)
	}
	return p
}

func octetString(text string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, "")
}

// written is an entry as the library's own encoder writes it.
func written(id int64, dn string, attributes ...*goldap.EntryAttribute) []byte {
	list := sequence(ber.TagSequence, ber.ClassUniversal)
	for _, a := range attributes {
		set := sequence(ber.TagSet, ber.ClassUniversal)
		for _, v := range a.Values {
			set.AppendChild(octetString(v))
		}
		list.AppendChild(sequence(ber.TagSequence, ber.ClassUniversal, octetString(a.Name), set))
	}
	return sequence(ber.TagSequence, ber.ClassUniversal, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""),
		sequence(goldap.ApplicationSearchResultEntry, ber.ClassApplication, octetString(dn), list)).Bytes()
}

func randomEntry(rng *rand.Rand) (string, []*goldap.EntryAttribute) {
	var all []*goldap.EntryAttribute
	for range rng.IntN(6) {
		var values []string
		for range rng.IntN(4) {
			values = append(values, strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(400)))
		}
		all = append(all, goldap.NewEntryAttribute([]string{"cn", "sn", "mail", "member;range=0-1", "jpegPhoto"}[rng.IntN(5)], values))
	}
	return strings.Repeat("x", rng.IntN(300)), all
}

// What the library writes is read as it was meant, however long names, values and lists are.
func TestEntriesAreReadAsTheLibraryWritesThem(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var text []byte
		var want []*rawEntry
		for range rng.IntN(5) {
			dn, attributes := randomEntry(rng)
			text = append(text, written(rng.Int64N(1<<31), dn, attributes...)...)
			want = append(want, entryOf(&goldap.Entry{DN: dn, Attributes: attributes}))
		}
		read := rawEntries{rest: text}
		for _, w := range want {
			e, err := read.next()
			require.NoError(t, err)
			require.Equal(t, string(w.dn), string(e.dn))
			require.Len(t, e.attributes, len(w.attributes))
			for i, a := range w.attributes {
				require.Equal(t, a.name, e.attributes[i].name)
				require.Len(t, e.attributes[i].values, len(a.values))
				for j, v := range a.values {
					require.Equal(t, string(v), string(e.attributes[i].values[j]))
				}
			}
		}
		e, err := read.next()
		require.NoError(t, err)
		require.Nil(t, e)
	}
}

// An entry that is cut anywhere, or of which a byte that frames it is another, is an error and never an entry with less in it.
func TestBrokenEntriesAreNoEntries(t *testing.T) {
	t.Parallel()
	text := written(7, "cn=a,dc=x", goldap.NewEntryAttribute("cn", []string{"a", strings.Repeat("b", 300)}), goldap.NewEntryAttribute("sn", []string{"c"}))
	for at := 1; at < len(text); at++ {
		_, err := (&rawEntries{rest: text[:at]}).next()
		require.ErrorIs(t, err, errMalformed, "cut at %d", at)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		wild := append([]byte(nil), text...)
		for range 1 + rng.IntN(3) {
			wild[rng.IntN(len(wild))] = byte(rng.IntN(256))
		}
		read := rawEntries{rest: wild}
		for e, err := read.next(); e != nil && err == nil; e, err = read.next() {
			for _, a := range e.attributes {
				require.LessOrEqual(t, len(a.name), len(wild))
			}
		}
	}
	_, err := (&rawEntries{rest: append(written(7, "cn=a"), 0)}).next()
	require.NoError(t, err)
}

// The tap hands on every byte but those of the page's entries, however the network cuts them.
func TestTheTapKeepsEntriesAndNothingElse(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	done := sequence(ber.TagSequence, ber.ClassUniversal, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(9), ""),
		sequence(goldap.ApplicationSearchResultDone, ber.ClassApplication, octetString(""), octetString(""), octetString(""))).Bytes()
	request := func(id int64, control string) []byte {
		return sequence(ber.TagSequence, ber.ClassUniversal, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""),
			sequence(goldap.ApplicationSearchRequest, ber.ClassApplication, octetString("dc=x")), octetString(control)).Bytes()
	}
	for range 50 {
		near, far := net.Pipe()
		tapped := newTap(near)
		keeps := rng.IntN(4) > 0
		tapped.keep(keeps)
		var sent, kept, passed []byte
		for range 20 {
			id := int64(8 + rng.IntN(3))
			one := written(id, "cn=a", goldap.NewEntryAttribute("cn", []string{strings.Repeat("v", rng.IntN(3000))}))
			if rng.IntN(3) == 0 {
				one = done
			}
			sent = append(sent, one...)
			if f, ok := frameOf(one); ok && f.operation == tagEntry && f.id == 9 && keeps {
				kept = append(kept, one...)
			} else {
				passed = append(passed, one...)
			}
		}
		go func() {
			_, _ = io.ReadFull(far, make([]byte, len(request(8, "other"))+len(request(9, goldap.ControlTypePaging))))
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), 1+rng.IntN(700))
				_, _ = far.Write(rest[:n])
				rest = rest[n:]
			}
			_ = far.Close()
		}()
		for _, r := range [][]byte{request(8, "other"), request(9, goldap.ControlTypePaging)} {
			_, err := tapped.Write(r)
			require.NoError(t, err)
		}
		got, err := io.ReadAll(tapped)
		require.NoError(t, err)
		require.Equal(t, passed, got)
		page, err := tapped.take(nil)
		require.NoError(t, err)
		require.Equal(t, string(kept), string(page))
	}
}
