package ldap

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/source"
)

// tap is a connection below the library that keeps the entries of a page for ourselves: the library makes a tree of objects of each answer,
// which costs more than all the rest of a listing. Everything else, the end of the page with its result and controls among it, passes
// to the library, so that what makes a listing complete is judged in one place.
//
// It reads the frames of messages (RFC 4511, 5.1) and changes nothing in them. A frame that it does not understand makes it let everything
// pass from there on.
type tap struct {
	net.Conn
	in *bufio.Reader
	// left is how much of the present message still passes to the library.
	left int
	// blind: a frame was not understood.
	blind bool

	mu sync.Mutex
	// keeps: a listing uses the connection. Pages that others ask for pass to the library.
	keeps bool
	// page is the message id of the page that is being read; 0 for none. Its entries stand in kept one behind the other.
	page int64
	kept []byte
	// count is how many there are. tooLarge: they are more than a page may have, or larger than maxKept.
	count    int
	tooLarge bool
}

// maxKept bounds the entries of one page, so that a server that ignores its size does not fill the memory.
const maxKept = 128 << 20

// The parts of a message (RFC 4511, 4.1.1) that the tap looks at.
const (
	tagSequence = 0x30
	tagInteger  = 0x02
	tagSearch   = 0x63
	tagEntry    = 0x64
)

func newTap(c net.Conn) *tap { return &tap{Conn: c, in: bufio.NewReaderSize(c, 64<<10)} }

// encrypted reports that what is below the tap encrypts.
func (t *tap) encrypted() bool {
	_, yes := t.Conn.(*tls.Conn)
	return yes
}

// Write passes a request on. That for a page is recognised by its control, and its answers are kept from then on.
func (t *tap) Write(p []byte) (int, error) {
	if f, ok := frameOf(p); ok && f.operation == tagSearch && bytes.Contains(p, []byte(goldap.ControlTypePaging)) {
		t.mu.Lock()
		if t.keeps {
			t.page, t.kept, t.count, t.tooLarge = f.id, t.kept[:0], 0, false
		}
		t.mu.Unlock()
	}
	return t.Conn.Write(p)
}

// keep says whether a listing uses the connection.
func (t *tap) keep(keeps bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keeps, t.page, t.kept = keeps, 0, nil
}

// take gives the entries of the page that has ended. into is a page that was worked through, whose memory is used again.
//
// Errors: a page that was larger than asked for.
func (t *tap) take(into []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.kept
	t.page, t.kept = 0, into[:0]
	if t.tooLarge {
		return nil, source.Hint(errPageSize)
	}
	return kept, nil
}

// Read gives the library what is not kept.
func (t *tap) Read(p []byte) (int, error) {
	for t.left == 0 && !t.blind {
		if err := t.next(); err != nil {
			return 0, err
		}
	}
	if !t.blind && len(p) > t.left {
		p = p[:t.left]
	}
	n, err := t.in.Read(p)
	if !t.blind {
		t.left -= n
	}
	return n, err
}

// next looks at the message that follows: it is kept, or left to be read.
func (t *tap) next() error {
	head, err := t.in.Peek(2)
	if err != nil {
		return err
	}
	long := 0
	if head[1]&0x80 != 0 {
		long = int(head[1] & 0x7f)
	}
	if head[0] != tagSequence || long > 4 || head[1] == 0x80 {
		t.blind = true
		return nil
	}
	if head, err = t.in.Peek(2 + long); err != nil {
		return err
	}
	length := int(head[1])
	if long > 0 {
		var wide [4]byte
		copy(wide[4-long:], head[2:])
		length = int(binary.BigEndian.Uint32(wide[:]))
	}
	total := 2 + long + length
	if head, err = t.in.Peek(min(total, 2+long+maxHead)); err != nil {
		return err
	}
	f, ok := frameOf(head)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !ok || f.operation != tagEntry || t.page == 0 || f.id != t.page {
		t.left = total
		return nil
	}
	t.count++
	if t.tooLarge = t.tooLarge || t.count > pageSize || len(t.kept)+total > maxKept; t.tooLarge {
		t.kept = t.kept[:0]
		_, err := t.in.Discard(total)
		return err
	}
	at := len(t.kept)
	t.kept = append(t.kept, make([]byte, total)...)
	for at < len(t.kept) {
		n, err := t.in.Read(t.kept[at:])
		if at += n; err != nil && at < len(t.kept) {
			return err
		}
	}
	return nil
}

// maxHead is how long a message id and the tag of an operation are at most.
const maxHead = 2 + 4 + 1

// frame is what the beginning of a message tells.
type frame struct {
	id        int64
	operation byte
}

// frameOf reads the beginning of a message; ok is false where it is none, or unusual.
func frameOf(p []byte) (f frame, ok bool) {
	if len(p) < 2 || p[0] != tagSequence {
		return f, false
	}
	at := 2
	if p[1]&0x80 != 0 {
		at += int(p[1] & 0x7f)
	}
	if len(p) < at+2 || p[at] != tagInteger {
		return f, false
	}
	n := int(p[at+1])
	at += 2
	if n < 1 || n > 4 || len(p) < at+n+1 {
		return f, false
	}
	for _, b := range p[at : at+n] {
		f.id = f.id<<8 | int64(b)
	}
	f.operation = p[at+n]
	return f, true
}
