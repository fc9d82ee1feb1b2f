package source

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/fnv"
	"strconv"
)

// Digest identifies what a listing of a live store saw: equal records in any order give equal sums. The zero Digest has seen nobody.
//
// It is no defence against somebody who makes two directories look alike, and has none to be.
type Digest struct {
	count  int
	hi, lo uint64
	hash   hash.Hash
	sum    []byte
	// text is what is hashed next.
	text []byte
}

// Add takes a record into account.
func (d *Digest) Add(r Record) {
	if d.hash == nil {
		d.hash = fnv.New128a()
	}
	d.count++
	d.add(r.ID, "", enabledText(r))
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

func enabledText(r Record) string {
	return strconv.FormatBool(r.Enabled) + " " + strconv.FormatBool(r.EnabledErr != nil)
}

// add adds one field's hash to the sum, in which order does not matter.
func (d *Digest) add(id, name, value string) {
	d.hash.Reset()
	d.text = append(append(append(append(append(append(d.text[:0], id...), 0xff), name...), 0xff), value...), 0xff)
	_, _ = d.hash.Write(d.text)
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
