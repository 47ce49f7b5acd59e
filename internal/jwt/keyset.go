package jwt

import (
	"encoding/json"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookgate/hookgate/internal/remotekey"
)

const maxKeys = 100 // per set

// keySet is an issuer's public keys.
type keySet []jose.JSONWebKey

// parseKeySet parses a set of keys. Unusable keys are left out, as RFC 7517,
// section 5 requires; a set without usable keys is an error.
func parseKeySet(text []byte) (keySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &raw); err != nil || len(raw.Keys) > maxKeys {
		return nil, remotekey.Invalid()
	}
	var set keySet
	for _, text := range raw.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(text); err == nil && verifies(&key) {
			set = append(set, key)
		}
	}
	if len(set) == 0 {
		return nil, remotekey.Invalid()
	}
	return set, nil
}

// verifies reports whether the key is a public one that verifies signatures.
func verifies(key *jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	return remotekey.Sound(key.Key)
}

// maxTried bounds how many keys are tried on one token.
const maxTried = 4

// fitting returns the keys that may have made a signature. A token without a
// key ID may be signed with any key.
func (set keySet) fitting(keyID, algorithm string) []jose.JSONWebKey {
	var fitting []jose.JSONWebKey
	for _, key := range set {
		if (keyID == "" || key.KeyID == keyID) && (key.Algorithm == "" || key.Algorithm == algorithm) && len(fitting) < maxTried {
			fitting = append(fitting, key)
		}
	}
	return fitting
}
