package sender

import (
	"fmt"
	"sync/atomic"

	"github.com/hookgate/hookgate/module/provider"
)

// guests are the providers that third parties have added. The list is never
// modified, only replaced.
var guests atomic.Pointer[[]*Provider]

// reserved is the name by which integrations use the provider that they
// describe.
const reserved = "custom"

// Install registers a third party's provider permanently. A built-in one cannot
// be replaced.
func Install(d *provider.Description) error {
	p, err := Compile(d)
	if err != nil {
		return err
	}
	for {
		before := guests.Load()
		if _, found := Lookup(p.name); found || p.name == reserved {
			return fmt.Errorf("installing the provider %s: the name is already in use", p.name)
		}
		after := append(installed(), p)
		if guests.CompareAndSwap(before, &after) {
			return nil
		}
	}
}

// installed returns a copy of the list of guests, which the caller may append
// to.
func installed() []*Provider {
	list := guests.Load()
	if list == nil {
		return nil
	}
	return (*list)[:len(*list):len(*list)]
}
