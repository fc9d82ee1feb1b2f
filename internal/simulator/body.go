package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// readQuery parses the query; option names count with and without the dollar.
func readQuery(raw string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"select", "filter", "top", "count", "search", "orderby", "expand", "skip", "skiptoken"} {
		if v, ok := values[name]; ok {
			values["$"+name] = v
			delete(values, name)
		}
	}
	return values, nil
}

// readBody undoes compression and parses the JSON of a write.
func (c *call) readBody() *refusal {
	s, r := c.s, c.r
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return badOData("%s", textUnreadable)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		return nil
	}
	if len(raw) == 0 {
		return nil
	}
	if len(r.TransferEncoding) > 0 || r.ContentLength < 0 {
		s.stats.protocol("chunked body")
		if !s.o.Behavior.AcceptChunked {
			return badOData("%s", textUnreadable)
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" {
		if s.o.Behavior.RefuseGzip || !strings.EqualFold(encoding, "gzip") {
			return &refusal{status: http.StatusUnsupportedMediaType, code: codeOData, message: "The Content-Encoding is not supported."}
		}
		if raw, err = gunzip(raw); err != nil {
			s.stats.protocol("body is not what Content-Encoding says")
			return badOData("%s", textUnreadable)
		}
	}
	if !strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/json") {
		s.stats.protocol("content type")
		return badOData("%s", textUnreadable)
	}
	c.raw = raw
	if err := json.Unmarshal(raw, &c.body); err != nil || c.body == nil {
		s.stats.protocol("invalid JSON")
		return badOData("%s", textUnreadable)
	}
	exact, fail := exactNames(c.body)
	c.body, _ = exact.(map[string]any)
	return fail
}

func gunzip(raw []byte) ([]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(zr, maxBody))
}
