// Package retention makes room in the event log. What was kept for as long as it
// should be is purged, and more than that where a limit asks for it; what has to
// stay is moved out of the way. It counts what there is, and decides whether there
// is room for more.
package retention
