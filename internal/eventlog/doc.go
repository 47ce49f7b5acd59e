// Package eventlog keeps accepted events: it is the storage.Events of the
// embedded storage. The truth is a log of sealed records in segment files, which
// one goroutine writes in groups, with one sync for each group. An index follows
// it and can be rebuilt from it.
//
// The parts, from the inside out:
//
//	segment    the format of a file: header, sealed frames
//	journal    segments, the writer and its groups, recovery: it knows no event
//	state      what an event can be and what can happen to it: pure functions
//	index      sorted runs on disk
//	retention  the compactor, and the counts that limits go by
//	eventlog   Append, Claim, List, …; the machine that joins journal and state;
//	           the flusher, which writes to the index
//
// # On disk
//
//	DIR/lock                     held by the process that has the log open
//	DIR/reserve                  32 MiB that are let go to open on a full disk
//	DIR/rebuild                  present: the index is not to be trusted
//	DIR/segments/<16 hex>.segment
//	DIR/segments/*.new           a segment without a header yet
//	DIR/index/                   sorted runs, see package index
//	DIR/index.damaged/           an index that was replaced
//
// Package segment describes a segment: a header that is there twice, then frames,
// then zeros. A frame is one record: its kind, its sequence number, the last number
// that was durable when it was written, and the sealed payload. Sequence numbers go
// on from segment to segment and are never used twice, so a gap is a loss that
// recovery reports; a gap behind the last durable number is a group that nobody was
// told of. Segments are numbered without a gap, and only the oldest is removed.
//
// A payload begins with the identity of the integration and the event ID, 16 bytes
// each; either is zero where it means nothing. Numbers are varints, texts follow
// their length, times are in milliseconds since 1970.
//
//	kind            written when                          then has
//	 2 claimed       an attempt begins                     -
//	 3 saved         the trigger saves its progress        progress
//	 4 finished      an attempt has ended                  age, status, due, attempt
//	 5 released      a claim ends without an attempt       due
//	 7 dropped       all of an integration is deleted      -
//	 8 closed        the log was closed                    -
//	 9 replayed      an event is replayed                  age, original, first of the chain, event
//	11 purged        an event is deleted                   age, dedupe key if it is remembered
//	12 clocked       every minute                          age, time
//	13 removed       before a segment is removed           segment, its last sequence number
//	14 accepted      an event is appended, for one         age, dedupe key, further resources, event
//	                 resource or several
//	15 requeued      a duplicate queues failed events      age, time, further IDs
//	16 relocated     compaction copies what shares a body  the others with their states, status, state,
//	                                                       headers and body
//
// Kinds 1, 6 and 10 are 14, 15 and 16 without the list, for one alone. They are read
// and no longer written. A new kind is a file in package state with a constant and a
// case in its record.go, and a new version of the segment's header when an older build
// must not skip it.
//
// "Age" is a time by the log's own clock, which no change of the wall clock moves;
// see clock. An event ends with its headers and its body, which takes the rest of
// the payload.
//
// The index maps keys that begin with one byte of keys.go: an event's state by
// integration and event ID, the IDs of pending, failed and claimed events, dedupe
// keys, dropped integrations, and the watermark: up to which record of which
// segment all of this is.
//
// # States of an event
//
//	         Append, Replay
//	               |
//	               v         Claim
//	+-------->  pending  -------------->  claimed ---+
//	|              ^                         |       | Save
//	| requeued     |  Finish(pending),       |  <----+
//	| by a         |  Release, or the        |
//	| duplicate    |  process died           |
//	|              +-------------------------+
//	|                                        |
//	|         Finish(failed)                 |  Finish(delivered)
//	+--- failed <----------------------------+--------------> delivered
//	       |                                                      |
//	       +------------------> purged <--------------------------+
//	                  by age, or to make room
//
// A claimed event is still reported as pending. A claim is in no way
// exclusive to a process: recovery counts each that it finds as a crash and ends
// it. A purged event is gone; its dedupe key may be remembered for its copies.
//
// An event and its replays are a chain. The first of them knows the newest, and
// the newest is the only one that may be pending. Events that were accepted by
// one call have IDs that follow one another; the first knows how many there are,
// and stands for them when a copy comes.
//
// # Goroutines
//
//	writer         the journal's: decides on what callers queued, in order; writes,
//	               syncs, publishes, answers. Alone it appends to the log and
//	               changes the active memtable.
//	flusher        every FlushEvery: freezes the active memtable and writes it to
//	               the index; deletes what was dropped from there.
//	compactor      retention's: every few seconds: purges what is old enough, empties and
//	               removes the oldest segment, makes room under pressure. What it
//	               changes goes through the writer.
//	watch          hands pending events to the one watcher.
//	countIndexed   at the start: counts what the index has, beside the service.
//	fillFilter     at the start: puts the index's dedupe keys into a Bloom filter.
//	prepare        the journal's: makes the next segment's file once this one is
//	               half full.
//
// Close stops compactor, flusher and writer in this order: each needs the next.
//
// # Locks, in the order in which they are taken
//
//	Log.life          read by every call, written by Close
//	journal.pins      held while a segment is removed, which waits for the writer
//	journal.queue     what the writer has not taken
//	Log.mu            memtables, tallies, dropped, claims; never during I/O
//	journal.segments  the list of segments and the open files
//	space.mu, clock.mu, compactor.mu: leaves
package eventlog
