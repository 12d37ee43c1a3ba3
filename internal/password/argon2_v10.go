package password

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/crypto/blake2b"
)

// Argon2 1.0 differs from RFC 9106 in two places: the version that goes into
// the first hash, and that later passes overwrite a block where 1.3 adds to
// it. x/crypto has 1.3 only. The oldest rows of Django may be of 1.0; speed is
// no matter, since each is replaced when its owner logs in.

// block is the unit of memory, 1 KiB. RFC 9106 §3.1
type block [128]uint64

// typeI is Argon2i's number in the parameters. RFC 9106 §3.1
const typeI = 1

// argon2iV10 is Argon2i of version 1.0. The memory is in KiB and at least
// 8·lanes.
func argon2iV10(text, salt []byte, passes, memory, lanes, size int) []byte {
	// RFC 9106 §3.2, steps 1 to 4: the parameters and the first two blocks
	// of each lane.
	var h0 []byte
	for _, n := range []int{lanes, size, memory, passes, version10, typeI} {
		h0 = le32(h0, n)
	}
	for _, s := range [][]byte{text, salt, nil, nil} { // no secret, no data
		h0 = append(le32(h0, len(s)), s...)
	}
	sum := blake2b.Sum512(h0)
	segment := memory / (4 * lanes)
	columns := 4 * segment
	b := make([][]block, lanes)
	for l := range b {
		b[l] = make([]block, columns)
		for c := range 2 {
			for i, raw := 0, longHash(le32(le32(sum[:], c), l), 1024); i < 128; i++ {
				b[l][c][i] = binary.LittleEndian.Uint64(raw[8*i:])
			}
		}
	}

	// Steps 5 and 6: fill, slice by slice.
	for pass := range passes {
		for slice := range 4 {
			for l := range lanes {
				fillSegment(b, position{pass, slice, l}, segment, passes)
			}
		}
	}

	// Steps 7 and 8: the last column, added up and hashed.
	var last block
	for l := range b {
		for i, w := range b[l][columns-1] {
			last[i] ^= w
		}
	}
	var raw []byte
	for _, w := range last {
		raw = binary.LittleEndian.AppendUint64(raw, w)
	}
	return longHash(raw, size)
}

func le32(b []byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(b[:len(b):len(b)], uint32(n))
}

// longHash is H' of RFC 9106 §3.3: BLAKE2b of any length.
func longHash(in []byte, size int) []byte {
	in = append(le32(nil, size), in...)
	if size <= blake2b.Size {
		return shortHash(in, size)
	}
	var out []byte
	v := shortHash(in, blake2b.Size)
	for size > blake2b.Size {
		out = append(out, v[:32]...)
		if size -= 32; size > blake2b.Size {
			v = shortHash(v, blake2b.Size)
		}
	}
	return append(out, shortHash(v, size)...)
}

func shortHash(in []byte, size int) []byte {
	h, err := blake2b.New(size, nil)
	if err != nil {
		panic(err) // only for sizes beyond 1 to 64
	}
	h.Write(in)
	return h.Sum(nil)
}

// position is a segment's: the pass, the quarter of the lane, and the lane.
type position struct{ pass, slice, lane int }

// fillSegment computes the blocks of a segment from the one before and one
// elsewhere, which Argon2i chooses regardless of the text. RFC 9106 §3.4
func fillSegment(b [][]block, at position, segment, passes int) {
	lanes, columns := len(b), 4*segment
	input := block{uint64(at.pass), uint64(at.lane), uint64(at.slice), uint64(lanes * columns), uint64(passes), typeI}
	var zero, addresses block
	for i := range segment {
		if i%128 == 0 {
			input[6]++
			addresses = compress(&zero, &input)
			addresses = compress(&zero, &addresses)
		}
		if at.pass == 0 && at.slice == 0 && i < 2 {
			continue // made from the parameters
		}
		j1, j2 := addresses[i%128]&0xffffffff, addresses[i%128]>>32

		// How many blocks there are to choose from, and the first of them:
		// the three quarters done last, and in one's own lane what this
		// segment has so far, all without the block before.
		ref, first, window := int(j2%uint64(lanes)), (at.slice+1)%4*segment, 3*segment
		if at.pass == 0 {
			first, window = 0, at.slice*segment
			if at.slice == 0 {
				ref = at.lane
			}
		}
		if ref == at.lane {
			window += i - 1
		} else if i == 0 {
			window--
		}
		x := j1 * j1 >> 32
		back := int(uint64(window) * x >> 32)
		column := (first + window - 1 - back) % columns

		c := at.slice*segment + i
		b[at.lane][c] = compress(&b[at.lane][(c+columns-1)%columns], &b[ref][column])
	}
}

// compress is G of RFC 9106 §3.5.
func compress(x, y *block) block {
	var r, q block
	for i := range r {
		r[i] = x[i] ^ y[i]
	}
	q = r
	var at [16]int
	for row := range 8 {
		for i := range at {
			at[i] = 16*row + i
		}
		permute(&q, &at)
	}
	for col := range 8 {
		for i := range at {
			at[i] = 16*(i/2) + 2*col + i%2
		}
		permute(&q, &at)
	}
	for i := range q {
		q[i] ^= r[i]
	}
	return q
}

// rounds are the quarters of P of RFC 9106 §3.6: columns, then diagonals.
var rounds = [8][4]int{
	{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15},
	{0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14},
}

// permute is P of RFC 9106 §3.6 on sixteen words of a block.
func permute(w *block, at *[16]int) {
	for _, r := range rounds {
		a, b, c, d := &w[at[r[0]]], &w[at[r[1]]], &w[at[r[2]]], &w[at[r[3]]]
		for _, turn := range [2][2]int{{32, 24}, {16, 63}} {
			mix(a, b)
			*d = bits.RotateLeft64(*d^*a, -turn[0])
			mix(c, d)
			*b = bits.RotateLeft64(*b^*c, -turn[1])
		}
	}
}

func mix(a, b *uint64) {
	*a += *b + 2*(*a&0xffffffff)*(*b&0xffffffff)
}
