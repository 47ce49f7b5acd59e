// Package network determines what counts as one client where clients are
// limited.
package network

import "net/netip"

// Of returns the client behind an address: for IPv4 the address itself, for
// IPv6 its /64 network, which is the least that a line gets. For anything else
// it returns the zero Addr.
func Of(address string) netip.Addr {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr
	}
	prefix, _ := addr.Prefix(64) // a 128-bit address has one
	return prefix.Addr()
}
