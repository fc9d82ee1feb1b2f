package ldapserver

import (
	"fmt"
	"net"
	"strconv"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Fake is an LDAP server that answers as a broken one does, without TLS and with any password. Below dc=x it has people cn=p0, cn=p1 …, with
// the attribute cn alone. Change its fields within Set.
type Fake struct {
	// URL is its address, ldap://….
	URL string
	// People is how many there are, and Page how many of them a page has, whatever was asked for.
	People, Page int
	// Breaks says what goes wrong with a page of a listing (from 0), or with a search for one person (page -1).
	Breaks func(page int) FakeFault
	// Base: the base of the people can be read.
	Base bool
	// Bind is the result of signing in.
	Bind uint16

	mu       sync.Mutex
	listener net.Listener
}

// FakeFault is one way to answer wrongly, after so many entries of the page. The zero value is none.
type FakeFault struct {
	Kind  string
	After int
}

// The kinds of FakeFault.
const (
	FakeCloses       = "connection closed"
	FakeCutEntry     = "connection closed within an entry"
	FakeSilent       = "no answer"
	FakeStalls       = "no answer within an entry"
	FakeReferral     = "referral only"
	FakeReference    = "reference among the entries"
	FakeSizeLimit    = "size limit"
	FakeTimeLimit    = "time limit"
	FakeAdminLimit   = "administrative limit"
	FakeNoControl    = "page without the control"
	FakeOtherControl = "another control"
	FakeBusy         = "busy"
	FakeLostRights   = "insufficient rights"
	FakeGarbage      = "garbage"
	// FakeEnds says that nobody follows, and all is well. No client can tell.
	FakeEnds = "end before the end"
)

// StartFake starts a fake. Close ends it.
func StartFake(people, page int) (*Fake, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &Fake{URL: "ldap://" + l.Addr().String(), People: people, Page: page, Base: true, Breaks: func(int) FakeFault { return FakeFault{} }, listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f, nil
}

// Close takes no more connections.
func (f *Fake) Close() error { return f.listener.Close() }

// Set changes how it answers from now on.
func (f *Fake) Set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *Fake) serve(c net.Conn) {
	defer c.Close()
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		f.mu.Lock()
		bind, base := f.Bind, f.Base
		f.mu.Unlock()
		// What breaks may count, and connections are served at the same time.
		breaks := func(page int) FakeFault {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.Breaks(page)
		}
		switch op.Tag {
		case ldap.ApplicationBindRequest:
			Send(c, id, Done(ldap.ApplicationBindResponse, bind))
		case ldap.ApplicationSearchRequest:
			if !f.search(c, id, request, breaks, base) {
				return
			}
		default:
			return
		}
	}
}

// search answers; it returns false where the connection ends.
func (f *Fake) search(c net.Conn, id int64, request *ber.Packet, breaks func(int) FakeFault, base bool) bool {
	op := request.Children[1]
	scope := op.Children[1].Value.(int64)
	filter, err := ldap.DecompileFilter(op.Children[6])
	if err != nil {
		return false
	}
	if scope == ldap.ScopeBaseObject {
		if dn := op.Children[0].Value.(string); base || dn == "" {
			Send(c, id, Entry(dn, "", ""))
		}
		Send(c, id, Done(ldap.ApplicationSearchResultDone, 0))
		return true
	}
	var paging *ldap.ControlPaging
	if len(request.Children) > 2 {
		for _, child := range request.Children[2].Children {
			if control, err := ldap.DecodeControl(child); err == nil {
				paging, _ = control.(*ldap.ControlPaging)
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
	from, to := page*f.Page, min((page+1)*f.Page, f.People)
	broken := breaks(page)
	for i := from; i < to; i++ {
		if broken.Kind != "" && i-from == broken.After {
			break
		}
		Send(c, id, Entry(fmt.Sprintf("cn=p%d,dc=x", i), "cn", fmt.Sprintf("p%d", i)))
	}
	cookie := ""
	if to < f.People {
		cookie = strconv.Itoa(page + 1)
	}
	return f.End(c, id, broken, cookie)
}

// one answers a search for one person.
func (f *Fake) one(c net.Conn, id int64, filter string, broken FakeFault) bool {
	if broken.Kind == "" {
		for i := range f.People {
			if filter == fmt.Sprintf("(&(objectClass=person)(cn=p%d))", i) {
				Send(c, id, Entry(fmt.Sprintf("cn=p%d,dc=x", i), "cn", fmt.Sprintf("p%d", i)))
			}
		}
		Send(c, id, Done(ldap.ApplicationSearchResultDone, 0))
		return true
	}
	return f.End(c, id, broken, "")
}

// End sends the end of a search, right or wrong. It is false where the connection ends with it.
func (f *Fake) End(c net.Conn, id int64, broken FakeFault, cookie string) bool {
	paging := ldap.NewControlPaging(uint32(f.Page))
	paging.SetCookie([]byte(cookie))
	whole := Done(ldap.ApplicationSearchResultDone, 0)
	switch broken.Kind {
	case "":
		Send(c, id, whole, paging)
	case FakeCloses:
		return false
	case FakeSilent:
	case FakeReferral:
		d := Done(ldap.ApplicationSearchResultDone, ldap.LDAPResultReferral)
		urls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "referral")
		urls.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "ldap://other/dc=x", "url"))
		d.AppendChild(urls)
		Send(c, id, d, paging)
	case FakeReference:
		r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "reference")
		r.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "ldap://other/dc=x", "url"))
		Send(c, id, r)
		Send(c, id, whole, paging)
	case FakeSizeLimit:
		Send(c, id, Done(ldap.ApplicationSearchResultDone, ldap.LDAPResultSizeLimitExceeded), paging)
	case FakeTimeLimit:
		Send(c, id, Done(ldap.ApplicationSearchResultDone, ldap.LDAPResultTimeLimitExceeded), paging)
	case FakeAdminLimit:
		Send(c, id, Done(ldap.ApplicationSearchResultDone, ldap.LDAPResultAdminLimitExceeded), paging)
	case FakeBusy:
		Send(c, id, Done(ldap.ApplicationSearchResultDone, ldap.LDAPResultBusy), paging)
	case FakeLostRights:
		Send(c, id, Done(ldap.ApplicationSearchResultDone, ldap.LDAPResultInsufficientAccessRights), paging)
	case FakeNoControl:
		Send(c, id, whole)
	case FakeOtherControl:
		Send(c, id, whole, ldap.NewControlManageDsaIT(true))
	case FakeEnds:
		ended := ldap.NewControlPaging(uint32(f.Page))
		Send(c, id, whole, ended)
	case FakeCutEntry:
		one := message(id, Entry("cn=p0,dc=x", "cn", "p0")).Bytes()
		_, _ = c.Write(one[:len(one)/2])
		return false
	case FakeStalls:
		one := message(id, Entry("cn=p0,dc=x", "cn", "p0")).Bytes()
		_, _ = c.Write(one[:len(one)-1])
	case FakeGarbage:
		_, _ = c.Write([]byte{0x30, 0x84, 0xff, 0xff})
		return false
	}
	return true
}

// Entry is an entry with one attribute; "" for none.
func Entry(dn, name, value string) *ber.Packet {
	e := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "entry")
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

// Done is the end of an operation, with its result.
func Done(tag ber.Tag, code uint16) *ber.Packet {
	d := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "done")
	d.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, uint64(code), "result code"))
	d.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", "matched"))
	d.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", "message"))
	return d
}

// Send writes the answer to a message.
func Send(c net.Conn, id int64, op *ber.Packet, controls ...ldap.Control) {
	_, _ = c.Write(message(id, op, controls...).Bytes())
}

func message(id int64, op *ber.Packet, controls ...ldap.Control) *ber.Packet {
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
	return m
}
