package index

import (
	"bytes"
	"errors"
	"fmt"
)

// View is the index at one moment. It is used by one goroutine, and closed.
type View struct {
	at *snapshot
}

// View returns what the index holds now.
func (x *Index) View() View { return View{x.hold()} }

// Close ends the view.
func (v View) Close() {
	// What fails is the end of a file that is not needed any more.
	_ = v.at.release()
}

// Get passes the value to use, which must neither keep nor change it. Without the
// key it returns ErrNotFound.
func (v View) Get(key []byte, use func(value []byte) error) error {
	hash := hashOf(key)
	for _, r := range v.at.runs {
		if !r.filter.mayHold(hash) {
			continue
		}
		e, found, err := r.find(&v.at.index.cache, key)
		switch {
		case err != nil:
			return fmt.Errorf("reading the event index: %w", err)
		case found && e.deleted:
			return ErrNotFound
		case found:
			return use(e.value)
		}
	}
	return ErrNotFound
}

// Has says whether there is the key.
func (v View) Has(key []byte) (bool, error) {
	err := v.Get(key, func([]byte) error { return nil })
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Ascend passes each key that begins with prefix, and its value, to visit,
// which must keep neither, until visit returns false or an error.
func (v View) Ascend(prefix []byte, visit func(key, value []byte) (bool, error)) error {
	return v.scan(prefix, prefix, false, visit)
}

// Keys is Ascend without the values.
func (v View) Keys(prefix []byte, visit func(key []byte) (bool, error)) error {
	return v.scan(prefix, prefix, false, func(key, _ []byte) (bool, error) { return visit(key) })
}

// Descend is Ascend from the last key that is not above from, downwards. Where
// that key does not begin with prefix, there is none to visit.
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

// cursor goes through the keys of one run that begin with a prefix.
type cursor struct {
	run     *run
	age     int // the newest run has 0
	prefix  []byte
	reverse bool
	block   block
	at      int
}

// seek goes to the first key that is not below from; in reverse, to the last that
// is not above it. False means that there is none.
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

// next goes one key on.
func (c *cursor) next() (bool, error) {
	if c.reverse {
		c.at--
	} else {
		c.at++
	}
	return c.settle()
}

// settle goes to the neighbouring block at the end of one, if that can have such
// keys at all, and says whether there is a key.
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
