package credential

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
)

// The bounds of the addresses from which an integration may be called.
const (
	maxSources = 200
	// minSourceBits refuses what is almost every address there is: that would be
	// no credential at all under the name of one.
	minSourceBits = 8

	// maxIPv4 is how many addresses of IPv4 the ranges may hold together, and maxIPv6
	// how many networks (of 64 bits) of IPv6 that can be reached from everywhere. That
	// is a 64th of IPv4 and an 8192nd of global IPv6, of which far less is in use.
	maxIPv4 = 4 << 24
	maxIPv6 = 1 << 48
)

// globalIPv6 are the addresses that can be reached from everywhere (RFC 4291,
// section 2.4).
var globalIPv6 = netip.MustParsePrefix("2000::/3")

// SourceIPs are the addresses from which the sender calls. From elsewhere no other
// credential helps; beside another one an address proves nothing, since many may
// share it.
type SourceIPs []netip.Prefix

// Kind implements Credential.
func (*SourceIPs) Kind() string { return "source_ips" }

func (s *SourceIPs) read(f *form.Fields, _ *Reading) bool {
	name := s.Kind()
	value, _ := f.Take(name)
	texts := f.Texts(name, value)
	switch {
	case len(texts) == 0:
		f.Refuse(name, form.Required, "must have 1 to %d entries", maxSources)
	case len(texts) > maxSources:
		f.Refuse(name, form.TooMany, "must have 1 to %d entries", maxSources)
		return false
	}
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefix, ok := source(text)
		prefixes[i] = prefix
		switch {
		case !ok:
			f.Refuse(form.Item(name, i), form.Invalid, "must be an IP address, or a range such as 192.0.2.0/24, without a zone%s", f.Show(text))
		case prefix != prefix.Masked():
			f.Refuse(form.Item(name, i), form.Invalid, "the range%s must be written %s", f.Show(text), prefix.Masked())
		case prefix.Bits() < minSourceBits:
			f.Refuse(form.Item(name, i), form.NotAllowed, "a range shorter than /%d is not allowed: it admits almost everyone", minSourceBits)
		}
	}
	if f.Sound(name) && coverTooMuch(prefixes) {
		f.Refuse(name, form.NotAllowed, "together they admit more than four /8 ranges of IPv4, or one /16 range of IPv6: that is not a credential")
	}
	*s = prefixes
	return len(prefixes) > 0
}

// readOption reads source_ips <address|range...>.
func (*SourceIPs) readOption(o Options) (any, error) {
	var texts []string
	return &texts, o.List(1, &texts)
}

func (*SourceIPs) check(*form.Fields, ProviderFacts) {}

func (*SourceIPs) warn(Warn) {}

func (*SourceIPs) keySize(Secret, ProviderFacts) (int, bool) { return 0, false }

func (s *SourceIPs) masked() any { return s.texts() }

func (s *SourceIPs) texts() []string {
	texts := make([]string, len(*s))
	for i, prefix := range *s {
		texts[i] = sourceText(prefix)
	}
	return texts
}

func (*SourceIPs) shownAbsent() bool { return false }

func (s *SourceIPs) mapSecrets(func(string, Secret) Secret) Credential { return s }

func (*SourceIPs) flags() (set, all uint16) { return 1 << 12, 1 << 12 }

func (s *SourceIPs) appendTo(raw []byte) ([]byte, error) {
	return wire.AppendList(raw, s.texts()), nil
}

func (s *SourceIPs) readStored(r *wire.StringDecoder, _ uint16) {
	*s = wire.TakeList(r, func(r *wire.StringDecoder) netip.Prefix {
		text := r.String()
		prefix, ok := source(text)
		if !ok || sourceText(prefix) != text {
			r.Fail()
		}
		return prefix
	})
	if len(*s) == 0 {
		r.Fail()
	}
}

func (s *SourceIPs) size() (entries, texts int) { return len(*s), 0 }

func (*SourceIPs) uses([]string) []use { return nil }

func (s *SourceIPs) judge(*Checker) (judge, error) { return &sourceJudge{sources: *s}, nil }

func (*SourceIPs) reasons() []provider.Reason { return []provider.Reason{sender.Mismatch} }

func (*SourceIPs) logged() (key, value string) { return "", "" }

// sourceJudge refuses every client when no address is known of it.
type sourceJudge struct {
	seenAtOnce
	sources []netip.Prefix
}

func (*sourceJudge) stage() stage { return byAddress }

func (j *sourceJudge) look(q *Request) (present bool, reason provider.Reason) {
	if address, err := netip.ParseAddr(q.Client); err == nil {
		address = address.WithZone("").Unmap()
		if slices.ContainsFunc(j.sources, func(p netip.Prefix) bool { return p.Contains(address) }) {
			return true, ""
		}
	}
	return true, sender.Mismatch
}

func (j *sourceJudge) sample(s *Sample) error {
	s.Client = j.sources[0].Addr().String()
	return nil
}

// coverTooMuch reports whether the ranges hold more addresses than they may. Where
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
