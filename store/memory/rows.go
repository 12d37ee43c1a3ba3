package memory

import (
	"iter"
	"maps"
	"strconv"
)

// layer is what tables are made of.
type layer interface {
	make()
	begin()
	commit(changed layer)
	shrink()
}

// rows are a map that a transaction can change beside what is kept.
type rows[K comparable, V any] struct {
	kept    map[K]V
	peak    int // the most that kept has held since it was made
	inTx    bool
	changed map[K]change[V] // in a transaction only
}

type change[V any] struct {
	value V
	gone  bool
}

func (r *rows[K, V]) make()  { r.kept = map[K]V{} }
func (r *rows[K, V]) begin() { r.inTx = true }

func (r *rows[K, V]) commit(l layer) {
	for k, c := range l.(*rows[K, V]).changed {
		if c.gone {
			r.delete(k)
		} else {
			r.set(k, c.value)
		}
	}
}

// shrink makes a map anew, as deleting alone frees nothing of it.
func (r *rows[K, V]) shrink() {
	if r.inTx || r.peak < 1000 || len(r.kept) > r.peak/4 {
		return
	}
	kept := make(map[K]V, len(r.kept))
	maps.Copy(kept, r.kept)
	r.kept, r.peak = kept, len(kept)
}

func (r *rows[K, V]) get(k K) (V, bool) {
	if c, ok := r.changed[k]; ok {
		return c.value, !c.gone
	}
	v, ok := r.kept[k]
	return v, ok
}

func (r *rows[K, V]) has(k K) bool { _, ok := r.get(k); return ok }

func (r *rows[K, V]) set(k K, v V) {
	if r.inTx {
		r.change(k, change[V]{value: v})
		return
	}
	r.kept[k] = v
	r.peak = max(r.peak, len(r.kept))
}

func (r *rows[K, V]) delete(k K) {
	if r.inTx {
		r.change(k, change[V]{gone: true})
		return
	}
	delete(r.kept, k)
}

func (r *rows[K, V]) change(k K, c change[V]) {
	if r.changed == nil {
		r.changed = map[K]change[V]{}
	}
	r.changed[k] = c
}

func (r *rows[K, V]) len() int {
	n := len(r.kept)
	for k, c := range r.changed {
		switch _, kept := r.kept[k]; {
		case kept && c.gone:
			n--
		case !kept && !c.gone:
			n++
		}
	}
	return n
}

func (r *rows[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, v := range r.kept {
			if _, ok := r.changed[k]; !ok && !yield(k, v) {
				return
			}
		}
		for k, c := range r.changed {
			if !c.gone && !yield(k, c.value) {
				return
			}
		}
	}
}

// sweep deletes what is over, and returns how much that was.
func (r *rows[K, V]) sweep(over func(V) bool) int {
	n := 0
	for k, v := range r.all() {
		if over(v) {
			r.delete(k)
			n++
		}
	}
	return n
}

// lists are rows of ids. A list is never changed within its length.
type lists struct{ rows[string, []string] }

func (l *lists) of(k string) []string { ids, _ := l.get(k); return ids }

func (l *lists) add(k, id string) { l.set(k, append(l.of(k), id)) }

func (l *lists) remove(k, id string) {
	l.keep(k, func(x string) bool { return x != id })
}

// keep leaves only those ids in a list.
func (l *lists) keep(k string, wanted func(id string) bool) {
	var left []string
	for _, id := range l.of(k) {
		if wanted(id) {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		l.delete(k)
		return
	}
	l.set(k, left)
}

// counter gives out ids.
type counter int64

func (c *counter) next() string { *c++; return strconv.FormatInt(int64(*c), 10) }

// isID reports whether a text has the form of an id.
func isID(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}
