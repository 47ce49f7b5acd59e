package index

import "bytes"

// iterator walks the keys of several runs in order. For each key it returns the newest
// entry, which may be a deletion.
type iterator struct {
	heap    []*cursor // the next key first; of equal keys, that of the newest run
	reverse bool
	begun   bool
	last    []byte // the key that was returned last
}

// newIterator takes the runs, newest first, and starts where cursor.seek does.
func newIterator(runs []*run, prefix, from []byte, reverse bool) (*iterator, error) {
	it := &iterator{reverse: reverse}
	for age, r := range runs {
		c := &cursor{run: r, age: age, prefix: prefix, reverse: reverse}
		found, err := c.seek(from)
		if err != nil {
			return nil, err
		}
		if found {
			it.heap = append(it.heap, c)
		}
	}
	for i := len(it.heap)/2 - 1; i >= 0; i-- {
		it.sink(i)
	}
	return it, nil
}

// next returns the next entry, which is valid until the next call, and whether there
// is one.
func (it *iterator) next() (entry, bool, error) {
	for len(it.heap) > 0 {
		e := it.heap[0].entry()
		if !it.begun || !bytes.Equal(e.key, it.last) {
			it.begun, it.last = true, append(it.last[:0], e.key...)
			return *e, true, nil
		}
		if err := it.advance(); err != nil {
			return entry{}, false, err
		}
	}
	return entry{}, false, nil
}

// advance moves the first cursor on.
func (it *iterator) advance() error {
	found, err := it.heap[0].next()
	if err != nil {
		return err
	}
	if !found {
		last := len(it.heap) - 1
		it.heap[0], it.heap[last] = it.heap[last], nil
		it.heap = it.heap[:last]
	}
	it.sink(0)
	return nil
}

// sink restores the order of the heap below i.
func (it *iterator) sink(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(it.heap); child++ {
			if it.before(it.heap[child], it.heap[first]) {
				first = child
			}
		}
		if first == i {
			return
		}
		it.heap[i], it.heap[first] = it.heap[first], it.heap[i]
		i = first
	}
}

func (it *iterator) before(a, b *cursor) bool {
	order := bytes.Compare(a.entry().key, b.entry().key)
	if it.reverse {
		order = -order
	}
	return order < 0 || order == 0 && a.age < b.age
}
