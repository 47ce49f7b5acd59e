// Package journal is a log of sealed records in segment files. One goroutine writes
// it, in groups: it takes whatever has queued up, has its owner decide on each call
// in turn, writes all of it at once, syncs once, has the owner publish what it did,
// and answers. What a group does is seen by nobody before it is durable, and is
// forgotten when it cannot be written.
//
// A journal knows of a record its kind, its bytes, and which promise it makes. What
// a record means is the business of the Owner, and what must be kept when a segment
// goes, that of whoever removes it.
//
// After a failed write or sync nobody knows what is on the disk. So the segment is
// given up behind its last durable record, and another one begins there: its header
// says where the one before ended. Lazy records that were answered and are not
// durable come first in it.
package journal
