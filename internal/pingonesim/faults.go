package pingonesim

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// recorder keeps an answer, to change it.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// answerWrongly answers as a fault says.
func (s *Server) answerWrongly(w http.ResponseWriter, r *http.Request, f *Fault, rightly http.Handler) {
	if f.Close {
		panic(http.ErrAbortHandler)
	}
	if f.Status != 0 {
		for name, values := range f.Header {
			w.Header()[name] = values
		}
		refuse(w, f.Status, f.Code)
		return
	}
	kept := &recorder{header: http.Header{}, status: http.StatusOK}
	rightly.ServeHTTP(kept, r)
	text := kept.body.Bytes()
	var body map[string]any
	if json.Unmarshal(text, &body) == nil {
		change(body, f)
		text, _ = json.Marshal(body)
	}
	for name, values := range kept.header {
		w.Header()[name] = values
	}
	w.WriteHeader(kept.status)
	if f.Cut > 0 && f.Cut < len(text) {
		_, _ = w.Write(text[:f.Cut])
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(text)
}

func change(body map[string]any, f *Fault) {
	links, _ := body["_links"].(map[string]any)
	embedded, _ := body["_embedded"].(map[string]any)
	if f.NoNext {
		delete(links, "next")
	}
	if f.Next != "" && links != nil {
		links["next"] = map[string]string{"href": f.Next}
	}
	if f.NoUsers {
		delete(body, "_embedded")
	}
	if f.Empty && embedded != nil {
		for list := range embedded {
			embedded[list] = []any{}
		}
		body["size"] = 0
		delete(links, "next")
	}
}
