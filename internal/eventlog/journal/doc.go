// Package journal is a log of sealed records in segment files. One goroutine writes
// it, in groups: it takes whatever has queued up, has its owner decide on each call
// in turn, writes all of it at once, syncs once, has the owner publish what it did,
// and answers. No one sees what a group does before it is durable, and it is
// forgotten when it cannot be written.
//
// A journal knows of a record its kind, its bytes, and which promise it makes. What
// a record means is for the Owner to know, and what must be kept when a segment goes
// is up to the caller of Remove.
//
// After a failed write or sync nobody knows what is on the disk. So the segment is
// given up behind its last durable record, and another one begins there: its header
// says where the one before ended. Lazy records that were answered and are not
// durable come first in it.
package journal
