package sender

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// sns checks Amazon SNS's signature over some members of the body. SNS signs
// for everyone who has a topic, so it is the topic that identifies the sender;
// the secrets are the topics' ARNs.
type sns struct {
	topics []topic
}

// topic is the origin of messages according to an ARN.
type topic struct {
	arn, region, suffix string
}

var errSecretTopic = errors.New("a secret of this provider is the ARN of a topic, such as arn:aws:sns:eu-central-1:123456789012:orders")

// suffixes are the suffixes of the hosts, by partition.
var suffixes = map[string]string{"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}

func parseTopic(arn string) (topic, error) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" || suffixes[parts[1]] == "" || parts[5] == "" || !syntax.IsPrintable(arn) {
		return topic{}, errSecretTopic
	}
	region, account := parts[3], parts[4]
	if region == "" || len(region) > 32 || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
		account == "" || strings.Trim(account, "0123456789") != "" {
		return topic{}, errSecretTopic
	}
	return topic{arn, region, suffixes[parts[1]]}, nil
}

// host returns the host of the region's SNS.
func (t *topic) host() string { return "sns." + t.region + "." + t.suffix }

// signs reports whether the certificate is the region's SNS's: AWS has named
// them in several ways.
func (t *topic) signs(certificate *x509.Certificate, now time.Time) bool {
	if now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return false
	}
	names := []string{
		"sns.amazonaws.com", "sns-signing." + t.region + "." + t.suffix, "sns-" + t.region + "." + t.suffix,
	}
	if strings.HasPrefix(t.region, "us-gov-") {
		names = append(names, "sns-us-gov-west-1.amazonaws.com")
	}
	return slices.ContainsFunc(names, func(name string) bool { return certificate.VerifyHostname(name) == nil })
}

func newSNS(secrets []string) (provider.Verifier, error) {
	var s sns
	for _, secret := range secrets {
		t, err := parseTopic(secret)
		if err != nil {
			return nil, err
		}
		s.topics = append(s.topics, t)
	}
	return s, nil
}

// snsMessage is the content of a body.
type snsMessage struct {
	Type, MessageID, TopicARN, Message, Timestamp    string
	Subject, Token, SubscribeURL                     string
	hasSubject                                       bool
	Signature, SignatureVersion, SigningCertificates string
}

// The message types. Only the first is an event.
const (
	snsNotification = "Notification"
	snsSubscribe    = "SubscriptionConfirmation"
	snsUnsubscribe  = "UnsubscribeConfirmation"
)

// snsTime bounds the age of a message. SNS retries for an hour; duplicates are
// recognised for longer.
var snsTime = &provider.Time{Place: field("Timestamp"), Format: provider.RFC3339, Tolerance: 24 * hour}

var snsClock = compileTime(snsTime)

// snsNames are the members read from a body, the message first.
var snsNames = []string{
	"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
	"Signature", "SignatureVersion", "SigningCertURL",
}

// readSNS reads a body. What is signed is a list of lines, so a line break in a
// member could pass for its end: only the message may contain any, because it
// comes first and the other lines determine its end.
func readSNS(body []byte) (*snsMessage, bool) {
	var found [11]jsondoc.Value
	if !signedMembers(jsondoc.New(body), snsNames, found[:]) {
		return nil, false
	}
	m := new(snsMessage)
	for i, into := range [...]*string{
		&m.Message, &m.MessageID, &m.Subject, &m.SubscribeURL, &m.Timestamp, &m.Token, &m.TopicARN, &m.Type,
		&m.Signature, &m.SignatureVersion, &m.SigningCertificates,
	} {
		if *into = found[i].Text(); !isText(found[i]) || i > 0 && strings.ContainsAny(*into, "\r\n") {
			return nil, false
		}
	}
	m.hasSubject = found[2].IsString()
	switch m.Type {
	case snsNotification:
		return m, true
	case snsSubscribe, snsUnsubscribe:
		return m, m.Token != "" && m.SubscribeURL != ""
	}
	return nil, false
}

// signed returns the text that SNS signs.
func (m *snsMessage) signed() []byte {
	pairs := []string{"Message", m.Message, "MessageId", m.MessageID}
	switch {
	case m.Type != snsNotification:
		pairs = append(pairs, "SubscribeURL", m.SubscribeURL, "Timestamp", m.Timestamp, "Token", m.Token)
	case m.hasSubject:
		pairs = append(pairs, "Subject", m.Subject, "Timestamp", m.Timestamp)
	default:
		pairs = append(pairs, "Timestamp", m.Timestamp)
	}
	pairs = append(pairs, "TopicArn", m.TopicARN, "Type", m.Type)
	return []byte(strings.Join(pairs, "\n") + "\n")
}

func (sns) needsBody() bool { return true }

// Verify can do nothing without the certificate.
func (sns) Verify(*provider.Request) Reason { return Unavailable }

func (s sns) verifyBy(ctx context.Context, r *provider.Request, remote *Remote, strong bool) Reason {
	m, ok := readSNS(r.Body)
	if !ok {
		return Malformed
	}
	t := s.topic(m.TopicARN)
	if t == nil {
		return Mismatch
	}
	if reason := snsClock.checkOf(m.Timestamp, r); reason != "" {
		return reason
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(m.Signature)
	if err != nil || !t.isCertificate(m.SigningCertificates) {
		return Malformed
	}
	hash, digest := m.digest()
	switch {
	case hash == 0:
		return Malformed
	case hash == crypto.SHA1 && strong:
		return Weak
	}
	chain, err := remote.Certificates.Get(ctx, sourceSNS, m.SigningCertificates, remote.caller)
	if err != nil {
		return Unavailable
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok || !t.signs(chain[0], r.Now) || rsa.VerifyPKCS1v15(key, hash, digest, signature) != nil {
		return Mismatch
	}
	remote.Certificates.Prove(m.SigningCertificates, chain) //nolint:contextcheck // it is kept for others, after this request
	return ""
}

// topic returns the topic of an ARN if it is one of the secrets. The ARN itself
// is not secret: SNS writes it into every message.
func (s sns) topic(arn string) *topic {
	for i := range s.topics {
		if s.topics[i].arn == arn {
			return &s.topics[i]
		}
	}
	return nil
}

// digest hashes the signed text according to the message's version; the hash is
// 0 for an unknown version.
func (m *snsMessage) digest() (crypto.Hash, []byte) {
	switch m.SignatureVersion {
	case "1":
		sum := sha1.Sum(m.signed())
		return crypto.SHA1, sum[:]
	case "2":
		sum := sha256.Sum256(m.signed())
		return crypto.SHA256, sum[:]
	}
	return 0, nil
}

// isCertificate reports whether the address is one at which the topic's SNS
// publishes its certificates, in its only spelling.
func (t *topic) isCertificate(address string) bool {
	name, ok := strings.CutPrefix(address, "https://"+t.host()+"/SimpleNotificationService-")
	name, pem := strings.CutSuffix(name, ".pem")
	return ok && pem && name != "" && len(name) <= 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// confirmation returns the address that confirms a subscription. It is built
// from its parts, so that nothing else is ever requested.
func (s sns) confirmation(r *provider.Request) string {
	m, ok := readSNS(r.Body)
	if !ok || m.Type != snsSubscribe {
		return ""
	}
	t := s.topic(m.TopicARN)
	if t == nil {
		return ""
	}
	query := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {m.TopicARN}, "Token": {m.Token}}
	return "https://" + t.host() + "/?" + query.Encode()
}
