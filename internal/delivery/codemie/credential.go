package codemie

import (
	"errors"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// Token reads the access token from where it is kept, such as a file that is
// renewed.
type Token func() (string, error)

// credential keeps the token until the platform refuses it.
type credential struct {
	read Token

	mu    sync.Mutex
	value string
}

var errToken = errors.New("the token is empty or not valid in a header")

// current returns the token.
func (c *credential) current() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value == "" {
		value, err := c.fresh()
		if err != nil {
			return "", err
		}
		c.value = value
	}
	return c.value, nil
}

// renew rereads the token after one was refused, and reports whether it has
// changed.
func (c *credential) renew(refused string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value != refused {
		return c.value != ""
	}
	value, err := c.fresh()
	if err != nil || value == refused {
		return false
	}
	c.value = value
	return true
}

func (c *credential) fresh() (string, error) {
	value, err := c.read()
	if err != nil {
		return "", err
	}
	if value == "" || !httpguts.ValidHeaderFieldValue(value) {
		return "", errToken
	}
	return value, nil
}
