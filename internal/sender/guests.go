package sender

import (
	"fmt"
	"sync/atomic"

	"github.com/hookgate/hookgate/module/provider"
)

// guests are the providers that third parties have added to the program. The
// list is never changed: another one takes its place.
var guests atomic.Pointer[[]*Provider]

// reserved is what integrations call the provider that they describe.
const reserved = "custom"

// Install makes a third party's provider known, once and for all. A built-in
// one cannot be replaced.
func Install(d *provider.Description) error {
	p, err := Compile(d)
	if err != nil {
		return err
	}
	for {
		before := guests.Load()
		if _, found := Lookup(p.name); found || p.name == reserved {
			return fmt.Errorf("installing the provider %s: there is one of this name", p.name)
		}
		after := append(installed(), p)
		if guests.CompareAndSwap(before, &after) {
			return nil
		}
	}
}

// installed returns a list of the guests, which the caller may add to.
func installed() []*Provider {
	list := guests.Load()
	if list == nil {
		return nil
	}
	return (*list)[:len(*list):len(*list)]
}
