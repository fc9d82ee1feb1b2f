package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/entraflow/entraflow/internal/secret"
)

// MaxFileSize bounds a configuration file, in bytes. The settings travel through Temporal, which takes 2 MB.
// https://docs.temporal.io/cloud/limits#per-message-grpc-limit
const MaxFileSize = 1 << 20

// File is a configuration file that was read.
type File struct {
	// Path is the path as it was given.
	Path string
	// Connection is what the file says, with defaults filled in and paths made absolute.
	Connection *Connection
	// Warnings are things that are allowed but probably not meant, in the order of the file.
	Warnings Problems

	document *document
}

// Load reads a configuration file. The error is Problems, everything that is wrong with the file at once, each with its
// line. The source is not opened: mapping.Compile finds unknown columns, and File.Problem gives those their lines.
func Load(path string) (*Connection, error) {
	f, err := LoadFile(path)
	if err != nil {
		return nil, err
	}
	return f.Connection, nil
}

// Parse is Load for a file that has been read. Relative paths in it are relative to path's directory.
func Parse(path string, data []byte) (*Connection, error) {
	f, err := ParseFile(path, data)
	if err != nil {
		return nil, err
	}
	return f.Connection, nil
}

// LoadFile is Load for callers that also want warnings and places. With Problems the file is given, too, as far as it could
// be understood, so that what else is wrong with it can be found and told at the same time; nil where nothing could.
func LoadFile(path string) (*File, error) {
	data, err := read(path)
	switch {
	case errors.Is(err, errNoFile):
		return nil, Problems{{File: path, Message: "this is no file; check the path"}}
	case errors.Is(err, fs.ErrNotExist):
		return nil, Problems{{File: path, Message: "there is no such file; check the path"}}
	case errors.Is(err, fs.ErrPermission):
		return nil, Problems{{File: path, Message: "the file may not be read; check its permissions"}}
	case err != nil:
		return nil, Problems{{File: path, Message: "the file cannot be read; check that it is a file and whole"}}
	}
	return ParseFile(path, data)
}

var errNoFile = errors.New("not a regular file")

// read reads a regular file, or /dev/stdin, and no more of it than shows that it is too large. A named pipe would keep whoever opens it
// waiting.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && (info.IsDir() || !strings.HasPrefix(path, "/dev/")) {
		return nil, errNoFile
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, MaxFileSize+1))
}

// ParseFile is Parse for callers that also want warnings and places. With Problems it is as LoadFile.
func ParseFile(path string, data []byte) (*File, error) {
	if len(data) > MaxFileSize {
		return nil, Problems{{File: path, Message: fmt.Sprintf("the file is larger than %d bytes; move rules to another connection", MaxFileSize)}}
	}
	directory, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, Problems{{File: path, Message: "the current directory is gone; give the file's absolute path"}}
	}
	d := newDocument(path, data)
	root := d.root(data)
	if root == nil {
		return nil, d.problems(&Connection{})
	}
	c := d.connection(root)
	c.makeAbsolute(directory)
	k := c.check()
	d.add(k.problems)
	f := &File{Path: path, Connection: c, document: d}
	if problems := d.problems(c); len(problems) > 0 {
		return f, problems
	}
	f.Warnings = problemsOf(c, k.warnings, d.locate)
	return f, nil
}

// Problem gives a problem that was found later, such as one of mapping.Compile, its place in the file. The key is
// "filter", an attribute's Graph name, or a key of the rule such as "source.file"; offset is a place within the
// expression, in characters.
func (f *File) Problem(rule, key string, offset int, message string) Problem {
	path := "rules"
	for i, r := range f.Connection.Rules {
		if r.Name != rule {
			continue
		}
		path = rulePath(i, key)
		if _, mapped := f.document.at[rulePath(i, "mappings."+key)]; mapped {
			path = rulePath(i, "mappings."+key)
		}
	}
	return problemsOf(f.Connection, []finding{{path: path, message: message, offset: offset}}, f.document.locate)[0]
}

// makeAbsolute makes the paths of sources and secrets absolute: relative ones are relative to the file's directory.
func (c *Connection) makeAbsolute(directory string) {
	c.ClientSecret = absoluteReference(directory, c.ClientSecret)
	c.ClientCertificate = absoluteReference(directory, c.ClientCertificate)
	c.FederatedTokenFile = absoluteTokenFile(directory, c.FederatedTokenFile)
	for i := range c.Rules {
		r := &c.Rules[i]
		if r.Source.Settings != nil {
			r.Source.Settings.Resolve(directory)
		}
		for attribute, m := range r.Mappings {
			m.Secret = absoluteReference(directory, m.Secret)
			r.Mappings[attribute] = m
		}
	}
}

func absoluteReference(directory, ref string) string {
	path, ok := strings.CutPrefix(ref, secret.FileScheme)
	if !ok || path == "" || filepath.IsAbs(path) {
		return ref
	}
	return secret.FileScheme + filepath.Join(directory, path)
}
