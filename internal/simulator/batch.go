package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// maxBatch is how many requests a batch can have (https://learn.microsoft.com/graph/json-batching).
const maxBatch = 20

// batchRequest is one request of a batch. Ids are texts by the documentation; numbers are taken, too.
type batchRequest struct {
	ID        any               `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []any             `json:"dependsOn"`
}

// batchPart takes the answer to one request of a batch.
type batchPart struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *batchPart) Header() http.Header         { return p.header }
func (p *batchPart) Write(b []byte) (int, error) { return p.body.Write(b) }
func (p *batchPart) WriteHeader(status int)      { p.status = status }

func isBatch(r *http.Request) bool {
	return strings.EqualFold(strings.Trim(r.URL.Path, "/"), "v1.0/$batch")
}

// serveBatch answers with all parts once the last is ready. Each part is charged, throttled and struck by accidents as if it
// had come alone; the batch itself costs nothing.
func (s *Server) serveBatch(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	s.stats.route(r.Method + " /$batch")
	requests, fail := c.batch()
	if fail != nil {
		c.write(w, c.refuse(fail))
		return
	}
	parts := s.runBatch(r, requests)
	responses := make([]any, len(parts))
	for i, p := range parts {
		headers := map[string]string{}
		for _, name := range []string{"Cache-Control", "Content-Type", "Location", "Retry-After", "x-ms-resource-unit", "x-ms-throttle-scope", "x-ms-throttle-information"} {
			if v := p.header.Get(name); v != "" {
				headers[name] = v
			}
		}
		response := map[string]any{"id": batchID(requests[i].ID), "status": p.status, "headers": headers}
		if json.Valid(p.body.Bytes()) {
			response["body"] = json.RawMessage(p.body.Bytes())
		}
		responses[i] = response
	}
	c.write(w, reply{status: http.StatusOK, render: func(b []byte) []byte { return appendFields(b, []field{{"responses", responses}}) }})
}

// batch reads the requests of a batch and refuses it as a whole where it is none.
func (c *call) batch() ([]batchRequest, *refusal) {
	if _, fail := c.s.issuer.read(c.r.Header.Get("Authorization"), c.now); fail != nil {
		return nil, fail
	}
	if c.r.Method != http.MethodPost {
		return nil, &refusal{status: http.StatusMethodNotAllowed, code: codeBadRequest, message: textMethod}
	}
	if fail := c.readBody(); fail != nil {
		return nil, fail
	}
	var b struct {
		Requests []batchRequest `json:"requests"`
	}
	dec := json.NewDecoder(bytes.NewReader(c.raw))
	dec.UseNumber()
	if err := dec.Decode(&b); err != nil || len(b.Requests) == 0 {
		return nil, badOData("Invalid batch payload format.")
	}
	if len(b.Requests) > maxBatch {
		return nil, badOData("Number of batch request steps exceeds the maximum value of %d.", maxBatch)
	}
	seen := map[string]bool{}
	for _, r := range b.Requests {
		id := batchID(r.ID)
		switch {
		case id == "" || r.Method == "" || r.URL == "":
			return nil, badOData("Invalid batch payload format.")
		case seen[id]:
			return nil, badOData("Request Id %s has to be unique in a batch.", id)
		}
		for _, d := range r.DependsOn {
			if !seen[batchID(d)] {
				return nil, badOData("The dependsOn of request %s names a request that does not precede it.", id)
			}
		}
		seen[id] = true
	}
	return b.Requests, nil
}

func batchID(id any) string {
	switch id := id.(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}

// runBatch sends the parts one after the other where they depend on each other, else all at once.
func (s *Server) runBatch(r *http.Request, requests []batchRequest) []*batchPart {
	parts := make([]*batchPart, len(requests))
	byID := map[string]*batchPart{}
	sequential := false
	for i, q := range requests {
		parts[i] = &batchPart{header: http.Header{}}
		byID[batchID(q.ID)] = parts[i]
		sequential = sequential || len(q.DependsOn) > 0
	}
	if !sequential {
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() { s.runPart(parts[i], r, &requests[i]) })
		}
		wg.Wait()
		return parts
	}
	for i := range requests {
		failed := false
		for _, d := range requests[i].DependsOn {
			failed = failed || byID[batchID(d)].status >= 400
		}
		if failed {
			parts[i].status = http.StatusFailedDependency
			parts[i].body.WriteString(`{"error":{"code":"FailedDependency","message":"The request failed because a request that it depends on failed."}}`)
			continue
		}
		s.runPart(parts[i], r, &requests[i])
	}
	return parts
}

func (s *Server) runPart(p *batchPart, outer *http.Request, q *batchRequest) {
	body := []byte(q.Body)
	if string(body) == "null" {
		body = nil
	}
	r, err := http.NewRequestWithContext(outer.Context(), strings.ToUpper(q.Method), s.url+"/v1.0/"+strings.TrimPrefix(q.URL, "/"), bytes.NewReader(body))
	if err != nil {
		p.status = http.StatusBadRequest
		return
	}
	r.Host = outer.Host
	for name, v := range q.Headers {
		r.Header.Set(name, v)
	}
	r.Header.Set("Authorization", outer.Header.Get("Authorization"))
	s.serveOne(p, identified(r, body))
}
