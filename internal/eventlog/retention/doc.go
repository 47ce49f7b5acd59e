// Package retention makes room in the event log. Events past their retention time are
// purged, and more where a limit requires it; what has to stay is moved out of the way.
// It counts what there is, and decides whether there is room for more.
package retention
