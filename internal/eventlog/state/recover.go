package state

import (
	"errors"

	"github.com/hookgate/hookgate/module/storage"
)

// Recovery applies records again after a restart. The index, which is the base, may
// have any part of that already, also of a record that comes later; and what a record
// is about may be lost.
type Recovery struct {
	Step
	Active  *Memtable // what the index is to get
	Dropped map[storage.Identity]struct{}
}

// Apply applies the next record.
func (r *Recovery) Apply(record Record, sequence uint64, at Place) error {
	if _, gone := r.Dropped[integration(record)]; gone {
		return nil
	}
	return record.recover(r, sequence, at)
}

// integration is whose events a record is about; zero for one about the log.
func integration(record Record) (of storage.Identity) {
	switch r := record.(type) {
	case Whole:
		return r.Integration()
	case interface{ subject() Subject }:
		return r.subject().Of
	case *Dropped:
		return r.Of
	}
	return of
}

func (s Subject) subject() Subject { return s }

// IDs calls fn for each event that a record is about.
func IDs(record Record, fn func(storage.ID)) {
	switch r := record.(type) {
	case Whole:
		for n := range r.Count() {
			fn(r.ID(n))
		}
	case *Requeued:
		fn(r.ID)
		for _, id := range r.Rest {
			fn(id)
		}
	case interface{ subject() Subject }:
		fn(r.subject().ID)
	}
}

// current returns an event as the index and the records so far leave it, and
// whether there is anything to do: one that has seen this record is kept as it is,
// for the index may not have all that leads to it.
func (r *Recovery) current(of Subject, sequence uint64) (current Change, found, done bool, err error) {
	current, err = r.find(of.Of, of.ID, &Known{})
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return Change{}, false, false, nil
	case err != nil:
		return Change{}, false, false, err
	case current.Now.Sequence >= sequence:
		r.Active.Put(current.Now, current.Indexed)
		return current, true, true, nil
	}
	return current, true, false, nil
}

// begin keeps a new event.
func (r *Recovery) begin(e *Event) error {
	_, found, _, err := r.current(Subject{e.Integration, e.ID}, e.Sequence)
	if err == nil && !found {
		r.Active.Put(e, nil)
	}
	return err
}

// relocate keeps an event at another place.
func (r *Recovery) relocate(e *Event) error {
	current, _, done, err := r.current(Subject{e.Integration, e.ID}, e.Sequence)
	if err == nil && !done {
		r.Active.Put(e, current.Indexed)
	}
	return err
}

// transit changes an event, unless it is lost, or was purged.
func (r *Recovery) transit(record transition, of Subject, sequence uint64) error {
	current, found, done, err := r.current(of, sequence)
	if err != nil || done || !found {
		return err
	}
	_, claims := record.(*Claimed)
	if record.allows(current.Now) || claims && current.Now.Claimed {
		r.Active.Put(after(current.Now, record, sequence), current.Indexed)
	}
	return nil
}

// purge deletes an event, and has its dedupe key lead nowhere.
func (r *Recovery) purge(record *Purged, sequence uint64) error {
	current, found, done, err := r.current(record.Subject, sequence)
	if err != nil || done || !found {
		return err
	}
	r.Active.Put(after(current.Now, record, sequence), current.Indexed)
	if current.Now.Key == "" {
		return nil
	}
	key := DedupeKey{record.Of, current.Now.Key}
	entry, found, err := r.entry(key, &Known{})
	if found && entry.ID == record.ID {
		r.Active.Entries[key] = DedupeEntry{}
	}
	return err
}

// remember has a dedupe key lead to an event, unless it leads to a newer one.
func (r *Recovery) remember(key DedupeKey, entry DedupeEntry) error {
	if key.Key == "" {
		return nil
	}
	present, found, err := r.entry(key, &Known{})
	if err == nil && (!found || CompareIDs(present.ID, entry.ID) <= 0) {
		r.Active.Entries[key] = entry
	}
	return err
}
