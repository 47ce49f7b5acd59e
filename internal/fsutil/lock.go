package fsutil

import "errors"

// ErrLocked is the error of a lock that somebody else holds.
var ErrLocked = errors.New("it is held by another process")
