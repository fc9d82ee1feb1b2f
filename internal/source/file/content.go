package file

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// content is a file's text in UTF-8, without a byte order mark.
type content struct {
	in *bufio.Reader
	// skipped is how many bytes stood before it.
	skipped int64
	// text is all that was read of a file whose bytes are not those of the text; nil where they are. Single reads take
	// their records from it.
	text *bytes.Buffer
}

// openAfter reports that the text does not end with the end of a line; last is the file's last byte.
func (c *content) openAfter(last byte) bool {
	last = c.last(last)
	return last != '\n' && last != '\r' && last != 0x1a
}

// last is the text's last byte.
func (c *content) last(ofFile byte) byte {
	if c.text != nil && c.text.Len() > 0 {
		return c.text.Bytes()[c.text.Len()-1]
	}
	return ofFile
}

// others are what files are that bear a wrong name, by the bytes that they begin with.
var others = []struct{ begin, what string }{
	{"PK\x03\x04", "an Excel workbook or another zip archive; name it .xlsx if it is a workbook, or save it as CSV in UTF-8"},
	{"\xD0\xCF\x11\xE0", "an old Excel workbook (.xls); save it as .xlsx, or as CSV in UTF-8"},
	{"\x1F\x8B", "compressed with gzip; unpack it"},
	{"%PDF-", "a PDF document; export the data as CSV"},
}

// markup recognises pages, and what else is written in angle brackets.
var (
	page   = regexp.MustCompile(`(?i)^\s*(<!doctype html|<html|<head|<body|<table)`)
	markup = regexp.MustCompile(`^\s*<\?xml`)
)

// refuseOther says what a file is whose beginning is not that of its format.
func refuseOther(head []byte, s *store) error {
	for _, o := range others {
		if bytes.HasPrefix(head, []byte(o.begin)) {
			return malformed(s.place.name, "it is "+o.what)
		}
	}
	text := bytes.TrimPrefix(head, mark)
	switch {
	case page.Match(text):
		return malformed(s.place.name, "it is an HTML page, perhaps a sign-in or error page; export the data as CSV")
	case markup.Match(text):
		return malformed(s.place.name, "it is XML; export the data as CSV or JSON")
	}
	if first := bytes.TrimLeft(text, " \t\r\n"); s.format == formatCSV && len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		return malformed(s.place.name, "it is JSON; name it .json, or .jsonl where each line is an object")
	}
	return nil
}

var mark = []byte{0xEF, 0xBB, 0xBF}

// newContent finds out how a file's text is written.
func newContent(r io.Reader, s *store) (content, error) {
	in := bufio.NewReaderSize(r, readAhead)
	head, err := in.Peek(readAhead)
	if len(head) == 0 {
		if err == io.EOF {
			return content{}, malformed(s.place.name, "the file is empty")
		}
		return content{}, s.place.fault(err)
	}
	if err := refuseOther(head[:min(len(head), 512)], s); err != nil {
		return content{}, err
	}
	decoder := s.decoder(head)
	c := content{in: in}
	if decoder != nil || bytes.Contains(head, []byte("\r\r\n")) {
		// The bytes of a record cannot be found again by their place in the file.
		c.text = &bytes.Buffer{}
		var decoded io.Reader = in
		if decoder != nil {
			decoded = transform.NewReader(in, decoder.NewDecoder())
		}
		c.in = bufio.NewReaderSize(io.TeeReader(&lineEnds{in: bufio.NewReader(decoded)}, c.text), readAhead)
	}
	for {
		if head, _ := c.in.Peek(len(mark)); !bytes.Equal(head, mark) {
			return c, nil
		}
		n, err := c.in.Discard(len(mark))
		if err != nil {
			return content{}, s.place.fault(err)
		}
		c.skipped += int64(n)
	}
}

// decoder is that of the encoding; nil is UTF-8. A mark goes before what the settings say.
func (s *store) decoder(head []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case s.settings.Encoding == "" || bytes.HasPrefix(head, mark):
		return nil
	}
	e, err := htmlindex.Get(s.settings.Encoding)
	if name, _ := htmlindex.Name(e); err != nil || name == "utf-8" {
		return nil
	}
	return e
}

// lineEnds writes a line end of two carriage returns, which a text mode makes of a file that has CRLF already, as one.
type lineEnds struct{ in *bufio.Reader }

func (l *lineEnds) Read(p []byte) (n int, err error) {
	for n < len(p) {
		b, err := l.in.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
		if b == '\r' {
			if next, _ := l.in.Peek(2); len(next) == 2 && next[0] == '\r' && next[1] == '\n' {
				continue
			}
		}
		p[n] = b
		n++
		if l.in.Buffered() == 0 {
			break
		}
	}
	return n, nil
}

// Lines that programs put before the header. sep= is Excel's, #TYPE PowerShell's, version: that of the forms of portals.
var (
	separatorLine = regexp.MustCompile(`(?i)^"?sep=(.)"?\s*$`)
	typeLine      = regexp.MustCompile(`^"?#TYPE\s`)
	versionLine   = regexp.MustCompile(`(?i)^"?version:\s*v?[\d.]+"?[,;\t\s]*$`)
)

// preamble passes over the lines before the header of a CSV file, and gives the separator that one of them may name.
func (c *content) preamble(s *store) (lines int, separator rune, err error) {
	skip := func() error {
		for {
			part, err := c.in.ReadSlice('\n')
			c.skipped += int64(len(part))
			if err == bufio.ErrBufferFull {
				continue
			}
			lines++
			if err == io.EOF && len(part) > 0 {
				return nil
			}
			return err
		}
	}
	for range s.settings.SkipLines {
		if err := skip(); err == io.EOF {
			return 0, 0, malformed(s.place.name, fmt.Sprintf("it has no more than the %d lines that skipLines passes over", s.settings.SkipLines))
		} else if err != nil {
			return 0, 0, s.place.fault(err)
		}
	}
	for {
		head, _ := c.in.Peek(256)
		line, _, _ := strings.Cut(string(head), "\n")
		line = strings.TrimRight(line, "\r")
		found := separatorLine.FindStringSubmatch(line)
		if found != nil {
			separator = []rune(found[1])[0]
		}
		if found == nil && !typeLine.MatchString(line) && !versionLine.MatchString(line) {
			return lines, separator, nil
		}
		if err := skip(); err != nil && err != io.EOF {
			return 0, 0, s.place.fault(err)
		}
	}
}
