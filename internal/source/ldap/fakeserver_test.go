package ldap_test

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"
)

// fakeServer is an LDAP server that answers as a broken one does. It has people with the attribute cn.
type fakeServer struct {
	url    string
	people int
	page   int

	mu sync.Mutex
	// breaks says what goes wrong with a page of a listing (from 0), or with a search for one person (page -1).
	breaks func(page int) fault
	// base: the base of the people can be read.
	base bool
	// bind is the result of signing in.
	bind uint16
}

// fault is one way to answer wrongly, after so many entries of the page.
type fault struct {
	kind  string
	after int
}

const (
	closes       = "connection closed"
	silent       = "no answer"
	referral     = "referral only"
	reference    = "reference among the entries"
	sizeLimit    = "size limit"
	timeLimit    = "time limit"
	adminLimit   = "administrative limit"
	noControl    = "page without the control"
	otherControl = "another control"
	busy         = "busy"
	lostRights   = "insufficient rights"
	garbage      = "garbage"
)

func runFakeServer(t *testing.T, people, page int) *fakeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	f := &fakeServer{url: "ldap://" + l.Addr().String(), people: people, page: page, base: true, breaks: func(int) fault { return fault{} }}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f
}

func (f *fakeServer) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeServer) serve(c net.Conn) {
	defer c.Close()
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		f.mu.Lock()
		bind, base := f.bind, f.base
		f.mu.Unlock()
		// What breaks may count, and connections are served at the same time.
		breaks := func(page int) fault {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.breaks(page)
		}
		switch op.Tag {
		case goldap.ApplicationBindRequest:
			send(c, id, done(goldap.ApplicationBindResponse, bind))
		case goldap.ApplicationSearchRequest:
			if !f.search(c, id, request, breaks, base) {
				return
			}
		default:
			return
		}
	}
}

// search answers; it returns false where the connection ends.
func (f *fakeServer) search(c net.Conn, id int64, request *ber.Packet, breaks func(int) fault, base bool) bool {
	op := request.Children[1]
	scope := op.Children[1].Value.(int64)
	filter, err := goldap.DecompileFilter(op.Children[6])
	if err != nil {
		return false
	}
	if scope == goldap.ScopeBaseObject {
		if dn := op.Children[0].Value.(string); base || dn == "" {
			send(c, id, entry(dn, "", ""))
		}
		send(c, id, done(goldap.ApplicationSearchResultDone, 0))
		return true
	}
	var paging *goldap.ControlPaging
	if len(request.Children) > 2 {
		for _, child := range request.Children[2].Children {
			if control, err := goldap.DecodeControl(child); err == nil {
				paging, _ = control.(*goldap.ControlPaging)
			}
		}
	}
	if paging == nil {
		return f.one(c, id, filter, breaks(-1))
	}
	page := 0
	if len(paging.Cookie) > 0 {
		page, _ = strconv.Atoi(string(paging.Cookie))
	}
	from, to := page*f.page, min((page+1)*f.page, f.people)
	broken := breaks(page)
	for i := from; i < to; i++ {
		if broken.kind != "" && i-from == broken.after {
			break
		}
		send(c, id, entry(fmt.Sprintf("cn=p%d,dc=x", i), "cn", fmt.Sprintf("p%d", i)))
	}
	cookie := ""
	if to < f.people {
		cookie = strconv.Itoa(page + 1)
	}
	return f.end(c, id, broken, cookie)
}

// one answers a search for one person.
func (f *fakeServer) one(c net.Conn, id int64, filter string, broken fault) bool {
	if broken.kind == "" {
		for i := range f.people {
			if filter == fmt.Sprintf("(&(objectClass=person)(cn=p%d))", i) {
				send(c, id, entry(fmt.Sprintf("cn=p%d,dc=x", i), "cn", fmt.Sprintf("p%d", i)))
			}
		}
		send(c, id, done(goldap.ApplicationSearchResultDone, 0))
		return true
	}
	return f.end(c, id, broken, "")
}

// end sends the end of a search, right or wrong.
func (f *fakeServer) end(c net.Conn, id int64, broken fault, cookie string) bool {
	paging := goldap.NewControlPaging(uint32(f.page))
	paging.SetCookie([]byte(cookie))
	whole := done(goldap.ApplicationSearchResultDone, 0)
	switch broken.kind {
	case "":
		send(c, id, whole, paging)
	case closes:
		return false
	case silent:
	case referral:
		d := done(goldap.ApplicationSearchResultDone, goldap.LDAPResultReferral)
		urls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "referral")
		urls.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "ldap://other/dc=x", "url"))
		d.AppendChild(urls)
		send(c, id, d, paging)
	case reference:
		r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultReference, nil, "reference")
		r.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "ldap://other/dc=x", "url"))
		send(c, id, r)
		send(c, id, whole, paging)
	case sizeLimit:
		send(c, id, done(goldap.ApplicationSearchResultDone, goldap.LDAPResultSizeLimitExceeded), paging)
	case timeLimit:
		send(c, id, done(goldap.ApplicationSearchResultDone, goldap.LDAPResultTimeLimitExceeded), paging)
	case adminLimit:
		send(c, id, done(goldap.ApplicationSearchResultDone, goldap.LDAPResultAdminLimitExceeded), paging)
	case busy:
		send(c, id, done(goldap.ApplicationSearchResultDone, goldap.LDAPResultBusy), paging)
	case lostRights:
		send(c, id, done(goldap.ApplicationSearchResultDone, goldap.LDAPResultInsufficientAccessRights), paging)
	case noControl:
		send(c, id, whole)
	case otherControl:
		send(c, id, whole, goldap.NewControlManageDsaIT(true))
	case garbage:
		_, _ = c.Write([]byte{0x30, 0x84, 0xff, 0xff})
		return false
	}
	return true
}

func entry(dn, name, value string) *ber.Packet {
	e := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultEntry, nil, "entry")
	e.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, dn, "dn"))
	attributes := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "attributes")
	if name != "" {
		a := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "attribute")
		a.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, "name"))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		values.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, value, "value"))
		a.AppendChild(values)
		attributes.AppendChild(a)
	}
	e.AppendChild(attributes)
	return e
}

func done(tag ber.Tag, code uint16) *ber.Packet {
	d := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "done")
	d.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, uint64(code), "result code"))
	d.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", "matched"))
	d.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", "message"))
	return d
}

func send(c net.Conn, id int64, op *ber.Packet, controls ...goldap.Control) {
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "message")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "id"))
	m.AppendChild(op)
	if len(controls) > 0 {
		all := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "controls")
		for _, control := range controls {
			all.AppendChild(control.Encode())
		}
		m.AppendChild(all)
	}
	_, _ = c.Write(m.Bytes())
}
