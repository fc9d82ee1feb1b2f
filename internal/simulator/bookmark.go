package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"net/http"
	"net/url"
	"strings"
)

// bookmark is where a page begins: at a place or, in a sorted list, behind a key. Where it pauses, the page before was empty.
type bookmark struct {
	place   int
	sort    *sortKey
	pausing bool
}

func (b bookmark) encode() []byte {
	raw := make([]byte, 9, 64)
	place := b.place
	if b.sort != nil {
		place = b.sort.place
		raw[8] |= 2
		raw = append(raw, b.sort.value...)
	}
	if b.pausing {
		raw[8] |= 1
	}
	binary.BigEndian.PutUint64(raw, uint64(place))
	return raw
}

const tokenLead = "RFNwdAIAAQAAAA"

// nextLink continues the request. The token is bound to the rest of the link, since a client must use the link as it is.
func (c *call) nextLink(at bookmark) string {
	q := url.Values{}
	for k, v := range c.query {
		if k != "$skiptoken" {
			q[k] = v
		}
	}
	raw := at.encode()
	raw = binary.BigEndian.AppendUint64(raw, c.queryHash(raw))
	q.Set("$skiptoken", tokenLead+base64.RawURLEncoding.EncodeToString(raw))
	return c.s.base(c.r) + c.r.URL.EscapedPath() + "?" + strings.ReplaceAll(q.Encode(), "%24", "$")
}

func (c *call) readToken(token string) (b bookmark, fail *refusal) {
	text, ok := strings.CutPrefix(token, tokenLead)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	n := len(raw) - 8
	if !ok || err != nil || n < 9 || binary.BigEndian.Uint64(raw[n:]) != c.queryHash(raw[:n]) {
		c.s.stats.protocol("nextLink altered")
		return b, &refusal{status: http.StatusBadRequest, code: codeExpiredPage,
			message: "The specified page token value has expired and can no longer be included in your request."}
	}
	b.place, b.pausing = int(binary.BigEndian.Uint64(raw)), raw[8]&1 != 0
	if raw[8]&2 != 0 {
		b.sort = &sortKey{string(raw[9:n]), b.place}
	}
	return b, nil
}

func (c *call) queryHash(place []byte) uint64 {
	h := fnv.New64a()
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], c.s.pageKey)
	h.Write(key[:])
	h.Write(place)
	h.Write([]byte(strings.ToLower(c.t.id + c.r.URL.Path)))
	for _, k := range sortedKeys(c.query) {
		if k != "$skiptoken" {
			h.Write([]byte("\x00" + k + "=" + strings.Join(c.query[k], "\x01")))
		}
	}
	return h.Sum64()
}
