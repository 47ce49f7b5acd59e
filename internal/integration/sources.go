package integration

import (
	"net/netip"
	"strings"
)

// The bounds of the addresses from which an integration may be called.
const (
	maxSources = 200
	// minSourceBits refuses what is almost every address there is: that would be
	// no credential at all under the name of one.
	minSourceBits = 8
)

// sources reads the addresses, and ranges of them, from which a sender calls.
func sources(f *fields) []netip.Prefix {
	const name = "source_ips"
	value, _ := f.take(name)
	if value == nil {
		return nil
	}
	texts := f.texts(name, value)
	switch {
	case len(texts) == 0:
		f.refuse(name, codeRequired, "from 1 to %d are needed", maxSources)
	case len(texts) > maxSources:
		f.refuse(name, codeTooMany, "from 1 to %d are needed", maxSources)
		return nil
	}
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefix, ok := source(text)
		prefixes[i] = prefix
		switch {
		case !ok:
			f.refuse(item(name, i), codeInvalid, "an IP address is needed, or a range such as 192.0.2.0/24, without a zone%s", f.show(text))
		case prefix != prefix.Masked():
			f.refuse(item(name, i), codeInvalid, "the range%s is written %s", f.show(text), prefix.Masked())
		case prefix.Bits() < minSourceBits:
			f.refuse(item(name, i), codeNotAllowed, "a range shorter than /%d is not allowed: it lets in almost everyone", minSourceBits)
		}
	}
	return prefixes
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
