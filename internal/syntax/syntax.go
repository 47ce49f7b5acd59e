// Package syntax holds the small grammars that several parts of a configuration
// share: globs, placeholders, and which headers belong to a connection. What a match
// or a name then means is up to each of those parts.
package syntax
