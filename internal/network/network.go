// Package network says who counts as one client where what a client may have is
// bounded.
package network

import "net/netip"

// Of is the client behind an address: of IPv4 the address itself, of IPv6 the network
// of 64 bits, which is the least that a line is given. What is no IP address is the
// zero Addr.
func Of(address string) netip.Addr {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr
	}
	prefix, _ := addr.Prefix(64) // which an address of 128 bits has
	return prefix.Addr()
}
