// Package index is a sorted map from keys to small values, kept on disk. It holds
// what can be rebuilt from the event log, so it never repairs anything: damage only
// has to be detected. It knows nothing of what keys and values mean.
//
// # Files
//
// An index is a list of runs, newest first. A run is a file of sorted entries, each
// a key with a value or a deletion, and is never changed. Each batch writes one run
// of level 0. A single goroutine, the merger, turns eight adjacent runs of a level
// into one of the next, and all runs into one once more than half of their entries
// are dead. A key's newest entry is the one that counts.
//
//	manifest     version, key of the runs, next number, and for each run its number,
//	             level, size, offset of the tail, counts of entries, salt
//	NUMBER.run   block, block, …, tail
//	*.new        being written; removed at the next start
//
// The manifest is replaced by a rename, and says which runs count: a run that it
// does not name is what a crash has left. It is sealed under the operator's key, and
// each run under a key derived from the manifest's own and the run's salt, so a new
// key of the operator's rewrites this one small file.
//
// A block holds about 8 KiB of entries. An entry is three varints, the key without
// what it shares with the key before, and the value:
//
//	bytes shared with the key before (0 for the first entry of a block)
//	bytes of the key that follow
//	0 for a deletion, or 1 + the bytes of the value
//
// The tail has the number of blocks, the length and first key of each, and a Bloom
// filter of ten bits for each key, which takes one in a hundred absent keys for
// present. Blocks and tail are sealed with AES-256-GCM; their number in the run is
// the nonce, so each opens in its own place only. Blocks may have any size: earlier
// versions wrote 16 KiB, and read what this one writes.
//
// # Damage
//
// The manifest tells the size of each run, so a missing, cut or exchanged file, and
// damage in manifest and tails, fail Open. Of the blocks Open verifies 64 MiB: all of
// a small index, and of a large one the newest. Any other block is verified each time
// that it is read, by its seal: damage is an error of the lookup, listing or merge,
// never another value. A run in which some was found is not merged again. The event
// log reads every key once, at its start or shortly after, and rebuilds the index at
// the start that finds damage or at the next one.
//
// # Bounds
//
//	runs, each an open file           256; then commits wait for the merger
//	value                             512 KiB
//	memory for blocks that are kept   8 MiB for an open index
//	memory for tails                  about 8 bytes for each event of the log: first
//	                                  keys of the blocks, and filters
//	disk                              twice what the entries take that count, and the
//	                                  last few batches; three times during a merge of
//	                                  everything
//
// # Locks
//
// Index.installing is taken before Index.mu; no other two are held together. Index.mu
// and cache.mu are never held during input or output, installing is held while the
// manifest is written. A view takes Index.mu when it is made and when it is closed.
// Looking up what is in a kept block takes no lock at all.
package index
