package integration

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
)

// The bounds of the addresses from which an integration may be called.
const (
	maxSources = 200
	// minSourceBits refuses what is almost every address there is: that would be
	// no credential at all under the name of one.
	minSourceBits = 8

	// maxIPv4 is how many addresses of IPv4 the ranges may hold together, and
	// maxIPv6 how many networks (of 64 bits) of IPv6 that can be reached from
	// everywhere. These are a 64th of all, and an 8192nd: of the latter far less is
	// in use.
	maxIPv4 = 4 << 24
	maxIPv6 = 1 << 48
)

// globalIPv6 are the addresses that can be reached from everywhere (RFC 4291,
// section 2.4).
var globalIPv6 = netip.MustParsePrefix("2000::/3")

// sources reads the addresses, and ranges of them, from which a sender calls.
func sources(f *form.Fields) []netip.Prefix {
	const name = "source_ips"
	value, _ := f.Take(name)
	if value == nil {
		return nil
	}
	texts := f.Texts(name, value)
	switch {
	case len(texts) == 0:
		f.Refuse(name, form.Required, "from 1 to %d are needed", maxSources)
	case len(texts) > maxSources:
		f.Refuse(name, form.TooMany, "from 1 to %d are needed", maxSources)
		return nil
	}
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefix, ok := source(text)
		prefixes[i] = prefix
		switch {
		case !ok:
			f.Refuse(form.Item(name, i), form.Invalid, "an IP address is needed, or a range such as 192.0.2.0/24, without a zone%s", f.Show(text))
		case prefix != prefix.Masked():
			f.Refuse(form.Item(name, i), form.Invalid, "the range%s is written %s", f.Show(text), prefix.Masked())
		case prefix.Bits() < minSourceBits:
			f.Refuse(form.Item(name, i), form.NotAllowed, "a range shorter than /%d is not allowed: it lets in almost everyone", minSourceBits)
		}
	}
	if f.Sound(name) && coverTooMuch(prefixes) {
		f.Refuse(name, form.NotAllowed, "together they let in more than four ranges /8 of IPv4 would, or one range /16 of IPv6: that is no credential")
	}
	return prefixes
}

// coverTooMuch says whether the ranges hold more addresses than they may. Where
// one lies in another, it counts once.
func coverTooMuch(prefixes []netip.Prefix) bool {
	sorted := slices.Clone(prefixes)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var ipv4, ipv6 uint64
	var last netip.Prefix
	for _, prefix := range sorted {
		switch {
		case last.IsValid() && last.Contains(prefix.Addr()):
			continue
		case prefix.Addr().Is4():
			ipv4 += 1 << (32 - prefix.Bits())
		case globalIPv6.Contains(prefix.Addr()) && prefix.Bits() <= 64:
			ipv6 += 1 << (64 - prefix.Bits())
		}
		last = prefix
	}
	return ipv4 > maxIPv4 || ipv6 > maxIPv6
}

// source reads an address or a range. An address of IPv4 that is written as one
// of IPv6 (RFC 4291, 2.5.5.2) is the one of IPv4.
func source(text string) (netip.Prefix, bool) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return netip.Prefix{}, false
		}
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	if prefix.Addr().Is4In6() {
		const mapped = 128 - 32 // bits before the address of IPv4
		if prefix.Bits() < mapped {
			return netip.Prefix{}, false
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
	}
	return prefix, true
}

// sourceText writes a single address without its length.
func sourceText(prefix netip.Prefix) string {
	if prefix.IsSingleIP() {
		return prefix.Addr().String()
	}
	return prefix.String()
}

// sources reads a list of those that sourceText has written.
func (r *storedReader) sources() []netip.Prefix {
	return readList(r, func() netip.Prefix {
		text := r.text()
		prefix, ok := source(text)
		if !ok || sourceText(prefix) != text {
			r.fail()
		}
		return prefix
	})
}
