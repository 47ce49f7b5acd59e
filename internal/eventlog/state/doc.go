// Package state is what an event can be, and what can happen to it: commands are
// decided upon, records say what was decided, and both are applied to a memtable.
// All of it is pure: it reads no clock, draws no random number, takes no lock, and
// does no input or output but by the Base that it is given.
//
// A command is a small type with a decide of its own, and a record is one with a
// codec, what it does to events in service, and what it does in recovery. What
// goes together stands in one file.
package state
