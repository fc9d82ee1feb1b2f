package source

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
)

// Digest identifies what a listing of a live store saw: equal records in any order give equal sums. The zero Digest has seen nobody.
//
// It is no defence against somebody who makes two directories look alike, and has none to be.
type Digest struct {
	count  int
	hi, lo uint64
	hash   hash.Hash
	sum    []byte
}

// Add takes a record into account.
func (d *Digest) Add(r Record) {
	if d.hash == nil {
		d.hash = fnv.New128a()
	}
	d.count++
	d.add(r.ID, "", fmt.Sprint(r.Enabled, r.EnabledErr != nil))
	for name, value := range r.Fields {
		text, plain := value.(string)
		if !plain {
			// What a store reads has come as text or JSON and can be written as JSON.
			b, err := json.Marshal(value)
			if err != nil {
				panic(err)
			}
			text = "\x00" + string(b)
		}
		d.add(r.ID, name, text)
	}
}

// add adds one field's hash to the sum, in which order does not matter.
func (d *Digest) add(id, name, value string) {
	d.hash.Reset()
	for _, part := range []string{id, name, value} {
		_, _ = io.WriteString(d.hash, part)
		_, _ = d.hash.Write([]byte{0xff})
	}
	d.sum = d.hash.Sum(d.sum[:0])
	d.hi += binary.BigEndian.Uint64(d.sum)
	d.lo += binary.BigEndian.Uint64(d.sum[8:])
}

// Count is how many records were added.
func (d *Digest) Count() int { return d.count }

// Snapshot is that of a complete listing of what was added.
func (d *Digest) Snapshot() Snapshot {
	sum := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, d.hi), d.lo)
	return Snapshot{ID: fmt.Sprintf("%d-%s", d.count, hex.EncodeToString(sum)), Count: d.count}
}
