package index

import (
	"bytes"
	"errors"
	"fmt"
)

// View is the index at one moment. It must be closed.
type View struct {
	at *snapshot
}

// View returns the index as it is now.
func (x *Index) View() View { return View{x.hold()} }

// Close lets go of the view.
func (v View) Close() {
	// The only thing that can fail is to close or remove a file that was replaced.
	_ = v.at.release()
}

// Get calls use with the value of a key, which must neither keep nor change it: the
// memory is used again. It returns ErrNotFound if the index does not have the key.
func (v View) Get(key []byte, use func(value []byte) error) error {
	hash := hashOf(key)
	for _, r := range v.at.runs {
		if !r.filter.mayHold(hash) {
			continue
		}
		if found, err := r.find(&v.at.index.cache, key, use); err != nil || found {
			return err
		}
	}
	return ErrNotFound
}

// Has reports whether the index has a key.
func (v View) Has(key []byte) (bool, error) {
	err := v.Get(key, func([]byte) error { return nil })
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Ascend calls visit with each key that begins with prefix, in order, and its value,
// until visit returns false or an error. visit must keep neither.
func (v View) Ascend(prefix []byte, visit func(key, value []byte) (bool, error)) error {
	return v.scan(prefix, prefix, false, visit)
}

// Keys is Ascend without the values.
func (v View) Keys(prefix []byte, visit func(key []byte) (bool, error)) error {
	return v.scan(prefix, prefix, false, func(key, _ []byte) (bool, error) { return visit(key) })
}

// Descend is Ascend in reverse order. It begins with the last key that is not above
// from, and visits nothing if that key does not begin with prefix.
func (v View) Descend(prefix, from []byte, visit func(key, value []byte) (bool, error)) error {
	return v.scan(prefix, from, true, visit)
}

func (v View) scan(prefix, from []byte, reverse bool, visit func(key, value []byte) (bool, error)) error {
	it, err := newIterator(v.at.runs, prefix, from, reverse)
	for err == nil {
		var e entry
		var more bool
		if e, more, err = it.next(); err != nil || !more {
			break
		}
		if e.deleted {
			continue
		}
		if again, err := visit(e.key, e.value); err != nil || !again {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("reading the event index: %w", err)
	}
	return nil
}

// cursor walks the keys of one run that begin with a prefix.
type cursor struct {
	run     *run
	age     int // 0 for the newest run
	prefix  []byte
	reverse bool
	block   block
	at      int
}

// seek moves to the first key that is not below from, or in reverse, to the last that
// is not above it. It reports whether there is one.
func (c *cursor) seek(from []byte) (bool, error) {
	number := c.run.blockOf(from)
	if number < 0 {
		if c.reverse {
			return false, nil
		}
		number = 0
	}
	if err := c.run.read(&c.block, number); err != nil {
		return false, err
	}
	at, found := c.block.search(from)
	if c.reverse && !found {
		at--
	}
	c.at = at
	return c.settle()
}

// next moves to the next key and reports whether there is one.
func (c *cursor) next() (bool, error) {
	if c.reverse {
		c.at--
	} else {
		c.at++
	}
	return c.settle()
}

// settle moves to the neighbouring block at either end of one, if that can have keys
// with the prefix. It reports whether the cursor is at such a key.
func (c *cursor) settle() (bool, error) {
	switch {
	case c.at < 0:
		if c.block.number == 0 || bytes.Compare(c.block.entries[0].key, c.prefix) < 0 {
			return false, nil
		}
		if err := c.run.read(&c.block, c.block.number-1); err != nil {
			return false, err
		}
		c.at = len(c.block.entries) - 1
	case c.at == len(c.block.entries):
		number := c.block.number + 1
		if number == len(c.run.blocks) || !bytes.HasPrefix(c.run.blocks[number].first, c.prefix) {
			return false, nil
		}
		if err := c.run.read(&c.block, number); err != nil {
			return false, err
		}
		c.at = 0
	}
	return bytes.HasPrefix(c.entry().key, c.prefix), nil
}

func (c *cursor) entry() *entry { return &c.block.entries[c.at] }
