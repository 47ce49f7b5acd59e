// Prints one delivery of each sender whose own library is in Go as JSON, like
// sign.mjs. These libraries only verify: each is shown what was signed here by
// the sender's documents, and must take it and refuse another body.
package main

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"code.gitea.io/sdk/gitea"
	"github.com/PagerDuty/go-pagerduty/webhookv3"
	"github.com/mailgun/mailgun-go/v4"
)

// delivery is signed with the secret, and not with the other one.
type delivery struct {
	Provider  string            `json:"provider"`
	Secret    string            `json:"secret"`
	Other     string            `json:"other"`
	Signature string            `json:"signature"` // the header's name
	Status    int               `json:"status"`    // of an accepted one
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
	// InBody is the signature, where it stands in the body.
	InBody string `json:"inBody"`
}

func main() {
	var deliveries []delivery
	for _, sign := range []func(secret string) (delivery, error){byGitea, byMailgun, byPagerDuty} {
		secret := rand.Text()
		d, err := sign(secret)
		if err != nil {
			fmt.Fprintf(os.Stderr, "signing for %s: %v\n", d.Provider, err)
			os.Exit(1)
		}
		d.Secret, d.Other, d.Status = secret, rand.Text(), cmp.Or(d.Status, http.StatusAccepted)
		deliveries = append(deliveries, d)
	}
	if err := json.NewEncoder(os.Stdout).Encode(deliveries); err != nil {
		fmt.Fprintf(os.Stderr, "writing the deliveries: %v\n", err)
		os.Exit(1)
	}
}

func byGitea(secret string) (delivery, error) {
	body := `{"ref":"refs/heads/main","commits":[{"message":"Grüße — 🚀"}]}`
	signature := sum(secret, body)
	d := delivery{
		Provider:  "gitea",
		Signature: "X-Gitea-Signature",
		Headers: map[string]string{
			"X-Gitea-Signature": signature,
			"X-Gitea-Event":     "push",
			"X-Gitea-Delivery":  "2a8f7c1e-0000-4000-8000-000000000001",
		},
		Body: body,
	}
	return d, agreed(body, func(body string) (bool, error) {
		return gitea.VerifyWebhookSignature(secret, signature, []byte(body))
	})
}

// byMailgun signs what Mailgun signs, which is nothing of the event.
func byMailgun(secret string) (delivery, error) {
	signature := mailgun.Signature{TimeStamp: strconv.FormatInt(time.Now().Unix(), 10), Token: rand.Text() + rand.Text()}
	signature.Signature = sum(secret, signature.TimeStamp+signature.Token)
	body, err := json.Marshal(map[string]any{
		"signature":  signature,
		"event-data": map[string]any{"event": "delivered", "subject": "Grüße — 🚀"},
	})
	d := delivery{Provider: "mailgun", InBody: signature.Signature, Status: http.StatusOK, Body: string(body)}
	if err != nil {
		return d, err
	}
	client := mailgun.NewMailgun("example.com", "")
	client.SetWebhookSigningKey(secret)
	return d, agreed(signature.Token, func(token string) (bool, error) {
		of := signature
		of.Token = token
		return client.VerifyWebhookSignature(of)
	})
}

func byPagerDuty(secret string) (delivery, error) {
	body := `{"event":{"id":"01ABC","event_type":"incident.triggered","data":{"title":"Grüße — 🚀"}}}`
	signature := "v1=" + sum(secret, body)
	d := delivery{
		Provider:  "pagerduty",
		Signature: "X-PagerDuty-Signature",
		Headers: map[string]string{
			"X-PagerDuty-Signature": signature,
			"X-Webhook-Id":          "P1",
		},
		Body: body,
	}
	return d, agreed(body, func(body string) (bool, error) {
		request, err := http.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte(body)))
		if err != nil {
			return false, err
		}
		request.Header.Set("X-PagerDuty-Signature", signature)
		err = webhookv3.VerifySignature(request, secret)
		return err == nil, err
	})
}

// agreed holds that the library takes the body, and does not take another.
func agreed(body string, verify func(body string) (bool, error)) error {
	if ok, err := verify(body); !ok {
		return fmt.Errorf("the library refuses what was signed (%v)", err)
	}
	if ok, _ := verify(body + " "); ok {
		return errors.New("the library takes another body")
	}
	return nil
}

func sum(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}
