// Package syntax holds the small grammars that several packages share: globs,
// placeholders, printable text, and which headers belong to a connection. What a match
// or a name then means is up to each of them.
package syntax
