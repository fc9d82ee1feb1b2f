package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"os"
)

// place is where one record is kept: in memory below the bound, else in the file behind it.
type place struct {
	start  int64
	length uint32
}

// sealed keeps records one after the other: the first in memory, the rest sealed in a temporary file.
type sealed struct {
	options Options
	memory  []byte
	file    *os.File
	aead    cipher.AEAD
	written int64
	hash    hash.Hash
	// named is the file's name where it could not be taken away while the file is open.
	named string
}

func newSealed(o Options) *sealed { return &sealed{options: o, hash: sha256.New()} }

// append keeps a record. Not safe for concurrent use; reads are, once nothing is appended any more.
func (s *sealed) append(text []byte) (place, error) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(text)))
	s.hash.Write(length[:])
	s.hash.Write(text)
	if s.file == nil && len(s.memory)+len(text) <= s.options.Memory {
		at := place{int64(len(s.memory)), uint32(len(text))}
		s.memory = append(s.memory, text...)
		return at, nil
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return place{}, err
		}
	}
	box := s.aead.Seal(nil, s.nonce(s.written), text, nil)
	if _, err := s.file.Write(box); err != nil {
		return place{}, err
	}
	at := place{int64(s.options.Memory) + s.written, uint32(len(box))}
	s.written += int64(len(box))
	return at, nil
}

// open makes the file and a key for it, and takes the file's name away.
func (s *sealed) open() (err error) {
	var key [32]byte
	if _, err = rand.Read(key[:]); err != nil {
		return err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return err
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return err
	}
	// CreateTemp makes it readable by its owner only.
	if s.file, err = os.CreateTemp(s.options.Directory, "entraflow-spool-*"); err != nil {
		return err
	}
	if os.Remove(s.file.Name()) != nil {
		s.named = s.file.Name()
	}
	return nil
}

// nonce is the record's place: each is written once under the key, which no other file has.
func (s *sealed) nonce(start int64) []byte {
	n := make([]byte, s.aead.NonceSize())
	binary.BigEndian.PutUint64(n, uint64(start))
	return n
}

func (s *sealed) read(at place) ([]byte, error) {
	if at.start < int64(s.options.Memory) {
		return s.memory[at.start : at.start+int64(at.length)], nil
	}
	start := at.start - int64(s.options.Memory)
	box := make([]byte, at.length)
	if _, err := s.file.ReadAt(box, start); err != nil {
		return nil, err
	}
	return s.aead.Open(box[:0], s.nonce(start), box, nil)
}

// sum identifies what was appended.
func (s *sealed) sum() string { return hexOf(s.hash.Sum(nil)) }

func (s *sealed) close() error {
	s.memory, s.aead = nil, nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.named != "" {
		err = os.Remove(s.named)
	}
	s.file = nil
	return err
}
