package ldap_test

import (
	"encoding/hex"
	"net"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	failure "github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// syncMessage answers a synchronization: it is given the request's cookie.
type syncMessage func(say func(*ber.Packet), cookie string) (open bool)

// runFakeSync is a server that synchronizes by a script: each request gets the next answer.
func runFakeSync(t *testing.T, script ...syncMessage) *ldap.Source {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	serve := func(c net.Conn) {
		defer c.Close()
		for {
			request, err := ber.ReadPacket(c)
			if err != nil || len(request.Children) < 2 {
				return
			}
			id, op := request.Children[0].Value.(int64), request.Children[1]
			switch {
			case op.Tag == goldap.ApplicationBindRequest:
				ldapserver.Send(c, id, ldapserver.Done(goldap.ApplicationBindResponse, 0))
			case op.Tag != goldap.ApplicationSearchRequest:
				return
			case op.Children[1].Value.(int64) == goldap.ScopeBaseObject:
				ldapserver.Send(c, id, ldapserver.Entry("", "supportedControl", "1.3.6.1.4.1.4203.1.9.1.1"))
				ldapserver.Send(c, id, ldapserver.Done(goldap.ApplicationSearchResultDone, 0))
			default:
				if len(script) == 0 {
					return
				}
				// The cookies of these tests are told from the rest of the control by their brackets.
				control := string(request.Children[2].Children[0].Bytes())
				_, cookie, _ := strings.Cut(control, "[")
				cookie, _, _ = strings.Cut(cookie, "]")
				next := script[0]
				script = script[1:]
				if !next(func(p *ber.Packet) { ldapserver.Send(c, id, p) }, cookie) {
					return
				}
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return open(t, ldap.Directory{URL: ldap.URLs{"ldap://" + l.Addr().String()}, Insecure: true, BaseDN: "dc=x"}, source.Use{})
}

// refreshed says that the refresh is done.
func refreshed(tag ber.Tag, cookie string) *ber.Packet {
	value := ber.Encode(ber.ClassContext, ber.TypeConstructed, tag, nil, "info")
	value.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "["+cookie+"]", "cookie"))
	return information(value)
}

// idSet names entries as deleted, or as still there.
func idSet(deleted bool, uuids ...string) *ber.Packet {
	value := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "info")
	value.AppendChild(ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, deleted, "refreshDeletes"))
	set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "uuids")
	for _, u := range uuids {
		b, err := hex.DecodeString(strings.ReplaceAll(u, "-", ""))
		if err != nil {
			panic(err)
		}
		set.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(b), "uuid"))
	}
	value.AppendChild(set)
	return information(value)
}

func information(value *ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationIntermediateResponse, nil, "intermediate")
	p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, goldap.ControlTypeSyncInfo, "name"))
	p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 1, string(value.Bytes()), "value"))
	return p
}

const (
	refreshDelete  = 1
	refreshPresent = 2
	oneUUID        = "8a8133a3-4a9d-e776-9a43-fc89b3f5f0dd"
	anotherUUID    = "9e6f4bda-0812-4274-82f4-2a10b3a56faf"
)

func refreshRequired() *ber.Packet {
	return ldapserver.Done(goldap.ApplicationSearchResultDone, goldap.LDAPResultSyncRefreshRequired)
}

// e-syncRefreshRequired at the beginning and in the middle leads to a listing, and the watching goes on.
func TestWatchRefreshRequired(t *testing.T) {
	t.Parallel()
	var cookies []string
	asked := make(chan func(*ber.Packet), 10)
	takes := func(answer *ber.Packet) syncMessage {
		return func(say func(*ber.Packet), cookie string) bool {
			cookies = append(cookies, cookie)
			say(answer)
			asked <- say
			return true
		}
	}
	s := runFakeSync(t, takes(refreshRequired()), takes(refreshed(refreshDelete, "first")), takes(refreshed(refreshDelete, "second")))
	f := follow(t, s, encode(t, map[string]any{"feed": "syncrepl", "cookie": []byte("[old]")}))
	c := f.next(t)
	require.True(t, c.Everybody)
	require.Equal(t, encode(t, map[string]any{"cookie": []byte("[first]"), "feed": "syncrepl"}), sorted(t, c.Position))
	<-asked
	say := <-asked
	say(idSet(true, oneUUID))
	require.Equal(t, []string{oneUUID}, f.next(t).IDs)
	say(refreshRequired())
	c = f.next(t)
	require.True(t, c.Everybody)
	require.Equal(t, encode(t, map[string]any{"cookie": []byte("[second]"), "feed": "syncrepl"}), sorted(t, c.Position))
	require.Equal(t, []string{"old", "", ""}, cookies)
}

// A list of those who are still there names nobody as gone, whether it is whole or cut off.
func TestWatchTakesNobodyForGone(t *testing.T) {
	t.Parallel()
	old := encode(t, map[string]any{"feed": "syncrepl", "cookie": []byte("[old]")})
	whole := follow(t, runFakeSync(t, func(say func(*ber.Packet), _ string) bool {
		say(idSet(false, oneUUID, anotherUUID))
		say(refreshed(refreshPresent, "new"))
		return true
	}), old)
	c := whole.next(t)
	require.Empty(t, c.IDs)
	require.True(t, c.Everybody)

	for name, message := range map[string]syncMessage{
		"closed": func(say func(*ber.Packet), _ string) bool {
			say(idSet(false, oneUUID))
			say(idSet(true, anotherUUID))
			return false
		},
		"ended as if all were told": func(say func(*ber.Packet), _ string) bool {
			say(idSet(false, oneUUID))
			say(ldapserver.Done(goldap.ApplicationSearchResultDone, 0))
			return true
		},
		"malformed": func(say func(*ber.Packet), _ string) bool {
			say(information(ber.Encode(ber.ClassContext, ber.TypeConstructed, 9, nil, "unknown")))
			return true
		},
	} {
		f := follow(t, runFakeSync(t, message), old)
		err := f.end(t)
		require.True(t, failure.Is(err, failure.SourceUnavailable), "%s: %v", name, err)
		require.Empty(t, f.changes, name)
	}
}

// sorted writes a position with its keys in order.
func sorted(t *testing.T, p source.Position) source.Position {
	t.Helper()
	var keys map[string]any
	decode(t, p, &keys)
	return encode(t, keys)
}
