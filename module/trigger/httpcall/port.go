package httpcall

import (
	"errors"
	"net/url"
	"strconv"
)

var errPort = errors.New("the URL's port must be a number from 1 to 65535")

// CheckPort refuses a URL with a port that cannot be connected to.
func CheckPort(address *url.URL) error {
	if port := address.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errPort
		}
	}
	return nil
}
