package gateway

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"
)

// GitHub returns the headers of a delivery from GitHub, signed with SHA-256.
func GitHub(secret, event, delivery string, body []byte) http.Header {
	return Headers(
		"Content-Type", "application/json",
		"User-Agent", "GitHub-Hookshot/044aadd",
		"X-GitHub-Event", event,
		"X-GitHub-Delivery", delivery,
		"X-Hub-Signature-256", SHA256(secret, body),
	)
}

// GitLab returns the headers of a delivery from GitLab with its plain token.
func GitLab(token, event, id string) http.Header {
	return Headers(
		"Content-Type", "application/json",
		"User-Agent", "GitLab/17.5.0",
		"X-Gitlab-Event", event,
		"X-Gitlab-Event-UUID", id,
		"X-Gitlab-Token", token,
	)
}

// Jira returns the headers of a delivery from Jira; its event is in the body.
func Jira(secret, id string, body []byte) http.Header {
	return Headers(
		"Content-Type", "application/json",
		"X-Atlassian-Webhook-Identifier", id,
		"X-Hub-Signature", SHA256(secret, body),
	)
}

// SHA256 signs a body as in X-Hub-Signature-256.
func SHA256(secret string, body []byte) string {
	return "sha256=" + hex.EncodeToString(mac(sha256.New, secret, body))
}

// SHA1 signs a body as in GitHub's X-Hub-Signature.
func SHA1(secret string, body []byte) string {
	return "sha1=" + hex.EncodeToString(mac(sha1.New, secret, body))
}

// StandardWebhook signs a message according to Standard Webhooks, version 1.
func StandardWebhook(secret, id, timestamp string, body []byte) string {
	key := secret
	if text, found := strings.CutPrefix(secret, "whsec_"); found {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			key = string(raw)
		}
	}
	message := append([]byte(id+"."+timestamp+"."), body...)
	return "v1," + base64.StdEncoding.EncodeToString(mac(sha256.New, key, message))
}

func mac(algorithm func() hash.Hash, key string, message []byte) []byte {
	h := hmac.New(algorithm, []byte(key))
	h.Write(message)
	return h.Sum(nil)
}
