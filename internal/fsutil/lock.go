package fsutil

import "errors"

// ErrLocked is the error for a lock that is held by someone else.
var ErrLocked = errors.New("it is held by another process")
