package syntax

import (
	"slices"
	"strings"
)

// connectionHeaders say something of one connection, and do not pass a proxy
// (RFC 9110, section 7.6.1).
var connectionHeaders = []string{"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}

// IsConnectionHeader reports whether a header belongs to one connection.
func IsConnectionHeader(name string) bool {
	return slices.ContainsFunc(connectionHeaders, func(header string) bool { return strings.EqualFold(header, name) })
}
