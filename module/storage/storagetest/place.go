// Package storagetest holds storages to what package storage promises. A storage is
// opened at a place, a name of letters and digits that nobody else uses: what that is,
// a directory or a schema, is the storage's. What is at a place stays there when it is
// closed, and is found when it is opened again.
package storagetest

import "crypto/rand"

// NewPlace returns the name of a place where there is nothing yet: lowercase letters
// and digits, a letter first.
func NewPlace() string { return "p" + lower(rand.Text()) }

func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

// Lack is what a storage under test cannot do.
type Lack int

// Reopening is lacking where nothing stays at a place that is closed.
const Reopening Lack = iota
