package sessions

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync"
	"time"

	"github.com/headless-auth/headless/store"
)

// shard is a part of the cache: sessions one behind the other in blocks of
// bytes, where the garbage collector has nothing to look for, and an index of
// where they begin. All live equally long, so the oldest block is also the
// first that is of no use any more.
//
// A session begins with the first bytes of its token's hash, as many as nobody
// finds a second token for. What follows is its length, when it was read, as a
// distance from the block's time, and the session itself; see record.go.
type shard struct {
	lifetime   time.Duration
	life       int64 // of a session, as a rule, in microseconds
	entries    int   // at most
	blocks     int   // at most
	perBlock   int   // entries at most
	blockBytes int

	mu    sync.RWMutex
	index []uint32 // by the hash's first bytes, or the next ones that were free: a place plus one
	n     int      // of what is in the index
	kept  []block  // oldest first
	first uint32   // the number of the first one
	spare []byte   // of a block that is gone
}

type block struct {
	from reading // of the first entry
	last time.Time
	n    int
	data []byte
}

const (
	keySize    = 16
	offsetBits = 14 // of a place: the rest is the end of the block's number
	maxBlock   = 1 << offsetBits
	maxRecord  = maxBlock / 4
	maxEntry   = keySize + 3*binary.MaxVarintLen64 + maxRecord
)

func newShard(entries int, lifetime, life time.Duration) shard {
	// An eighth of the sessions, so that making room forgets few of them.
	perBlock := max(entries/8, 1)
	size := min(max(perBlock*fairSize, 2*maxRecord), maxBlock)
	slots := 1 << bits.Len(uint(entries+entries/4+2)) // some are always free
	return shard{
		lifetime: lifetime, life: life.Microseconds(), entries: entries, perBlock: perBlock, blockBytes: size,
		blocks: min(max(entries*fairSize/size, 8), 1<<(32-offsetBits)-1), index: make([]uint32, slots),
	}
}

// held returns how many sessions there are, and in how many bytes.
func (sh *shard) held() (entries, bytes int) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.n, len(sh.kept)*sh.blockBytes + len(sh.index)*binary.Size(uint32(0))
}

// find returns where in the index a hash is, or would be.
func (sh *shard) find(hash []byte) (slot int, ok bool) {
	slot = sh.home(hash)
	for ; sh.index[slot] != 0; slot = sh.after(slot) {
		if key, _, _ := sh.at(sh.index[slot] - 1); bytes.Equal(key, hash[:keySize]) {
			return slot, true
		}
	}
	return slot, false
}

func (sh *shard) home(hash []byte) int {
	return int(binary.LittleEndian.Uint32(hash)) & (len(sh.index) - 1)
}

func (sh *shard) after(slot int) int { return (slot + 1) & (len(sh.index) - 1) }

// remove empties a place of the index, and moves up what had to pass it by.
func (sh *shard) remove(slot int) {
	sh.n--
	for next := sh.after(slot); sh.index[next] != 0; next = sh.after(next) {
		key, _, _ := sh.at(sh.index[next] - 1)
		mask := len(sh.index) - 1
		if (next-sh.home(key))&mask >= (next-slot)&mask {
			sh.index[slot] = sh.index[next]
			slot = next
		}
	}
	sh.index[slot] = 0
}

// at is the entry at a place.
func (sh *shard) at(place uint32) (key, e []byte, b *block) {
	b = &sh.kept[(place>>offsetBits-sh.first)%(1<<(32-offsetBits))]
	key, e, _ = b.entry(int(place % maxBlock))
	return key, e, b
}

func (sh *shard) get(tokenHash []byte) (*store.Session, *store.User, reading) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	slot, ok := sh.find(tokenHash)
	if !ok {
		return nil, nil, reading{}
	}
	_, e, b := sh.at(sh.index[slot] - 1)
	at, n := binary.Varint(e)
	drops, m := binary.Varint(e[n:])
	s, u := decodeRecord(e[n+m:], sh.life)
	s.TokenHash = tokenHash
	return s, u, reading{b.from.at.Add(time.Duration(at) * time.Microsecond), b.from.drops + uint64(drops)} //nolint:gosec // as it was put
}

func (sh *shard) put(s *store.Session, u *store.User, r reading) {
	record := encodeRecord(make([]byte, 0, 512), s, u, sh.life)
	if len(record) > maxRecord {
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for len(sh.kept) > 0 && !r.at.Before(sh.kept[0].last.Add(sh.lifetime)) {
		sh.release()
	}
	sh.room(len(record))
	b := &sh.kept[len(sh.kept)-1]
	if b.n == 0 {
		b.from, b.last = r, r.at
	}
	if b.last.Before(r.at) {
		b.last = r.at
	}
	slot, known := sh.find(s.TokenHash)
	if !known {
		sh.n++
	}
	number := sh.first + uint32(len(sh.kept)-1)                                          //nolint:gosec // bounded by blocks
	sh.index[slot] = (number<<offsetBits | uint32(len(b.data))) + 1                      //nolint:gosec // below maxBlock
	head := binary.AppendVarint(make([]byte, 0, 24), r.at.Sub(b.from.at).Microseconds()) // negative, if it took long
	head = binary.AppendVarint(head, int64(r.drops-b.from.drops))                        //nolint:gosec // a difference
	b.data = append(b.data, s.TokenHash[:keySize]...)
	b.data = binary.AppendUvarint(b.data, uint64(len(head)+len(record)))
	b.data = append(append(b.data, head...), record...)
	b.n++
	for sh.n > sh.entries {
		sh.release()
	}
}

// room makes the last block one that has room for a record.
func (sh *shard) room(n int) {
	if len(sh.kept) > 0 {
		if b := &sh.kept[len(sh.kept)-1]; b.n < sh.perBlock && len(b.data)+maxEntry-maxRecord+n <= sh.blockBytes {
			return
		}
	}
	if len(sh.kept) >= sh.blocks {
		sh.release()
	}
	data := sh.spare
	if sh.spare = nil; data == nil {
		data = make([]byte, 0, sh.blockBytes)
	}
	sh.kept = append(sh.kept, block{data: data})
}

// release forgets the oldest block.
func (sh *shard) release() {
	b := &sh.kept[0]
	for at := 0; at < len(b.data); {
		key, _, next := b.entry(at)
		// It may have been put again since.
		if slot, ok := sh.find(key); ok && sh.index[slot]-1 == sh.first<<offsetBits|uint32(at) { //nolint:gosec // below maxBlock
			sh.remove(slot)
		}
		at = next
	}
	sh.spare = b.data[:0]
	clear(b.data) // there are hashes of passwords in it
	*b = block{}
	sh.kept = sh.kept[1:]
	sh.first++
}

// entry takes the one at a place apart, and says where the next begins.
func (b *block) entry(at int) (key, e []byte, next int) {
	key = b.data[at : at+keySize]
	size, n := binary.Uvarint(b.data[at+keySize:])
	start := at + keySize + n
	next = start + int(size) //nolint:gosec // below maxBlock
	return key, b.data[start:next], next
}
