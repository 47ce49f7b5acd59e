package integrationtests

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

const publicURL = "https://hooks.example.com/webhooks/"

// admin starts a gateway with a trigger for the resource type ticket.
func admin(t *testing.T, options string) (*gateway.Gateway, *gateway.Sink) {
	t.Helper()
	return edge(t, "public_url "+publicURL+"\n"+options)
}

// github is an integration in the admin API's form.
func github(id string, more ...any) gateway.M {
	integration := gateway.M{
		"webhook_id":     id,
		"authentication": gateway.M{"signature": gateway.M{"provider": "github", "secrets": []string{secret}}},
		"resource":       gateway.M{"type": "ticket", "id": "T-1"},
	}
	for i := 0; i < len(more); i += 2 {
		integration[more[i].(string)] = more[i+1]
	}
	return integration
}

// refused fails the test unless the answer is an error of the admin API whose
// text contains all the words. Only a form's error has more fields.
func refused(t testing.TB, answer *gateway.Answer, status int, words ...string) {
	t.Helper()
	answer.Want(t, status)
	text := answer.Text(t, "error")
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("the error does not say %q: %s", word, text)
		}
	}
	if got := answer.JSON(t); len(got) != 1 && (status != 400 || got["code"] != "invalid_form") {
		t.Errorf("an error says more than that: %s", answer.Body)
	}
}

// mask is how a secret is shown.
var mask = regexp.MustCompile(`^\*{8}[0-9A-Za-z]{4,16}$`)

func TestAdminIntegration(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	answer := g.API("POST", gateway.Integrations(demo), gateway.M{
		"webhook_id": "gh", "project": demo, "alias": "PR review",
		"authentication": gateway.M{
			"secure_header": gateway.M{"name": "X-Secure-Header", "value": headerValue},
			"signature":     gateway.M{"provider": "github", "secrets": []string{secret, oldSecret}},
		},
		"event_filter": " pull_request , push",
		"resource":     gateway.M{"type": "ticket", "id": "8f0c"},
		"webhook_url":  "ignored", "managed_by": "config", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
	}).Want(t, 201)
	if location := answer.Header.Get("Location"); location != gateway.Integration(demo, "gh") {
		t.Errorf("Location is %q", location)
	}
	tag := answer.Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) {
		t.Errorf("ETag is %q", tag)
	}
	created := answer.JSON(t)
	for field, want := range map[string]any{
		"webhook_id": "gh", "project": demo, "alias": "PR review", "is_enabled": true, "dedupe": "delivery",
		"webhook_url": publicURL + "gh", "managed_by": "api",
	} {
		if created[field] != want {
			t.Errorf("%s is %v, want %v", field, created[field], want)
		}
	}
	if filter := fmt.Sprint(created["event_filter"]); filter != "[pull_request push]" {
		t.Errorf("event_filter is %s", filter)
	}
	if stamp, _ := created["created_at"].(string); !strings.HasSuffix(stamp, "Z") || stamp < "2026" || created["updated_at"] != stamp {
		t.Errorf("created_at %v, updated_at %v", created["created_at"], created["updated_at"])
	}
	authentication := created["authentication"].(gateway.M)
	for field, want := range map[string]any{
		"basic": nil, "bearer": nil, "require_sha256_signature": true, "match": "any", "allow_unauthenticated": false,
	} {
		if got, present := authentication[field]; !present || got != want {
			t.Errorf("authentication.%s is %v, want %v", field, got, want)
		}
	}
	masks := authentication["signature"].(gateway.M)["secrets"].([]any)
	if len(masks) != 2 || masks[0] == masks[1] {
		t.Errorf("the secrets are shown as %v", masks)
	}
	for _, shown := range append(masks, authentication["secure_header"].(gateway.M)["value"]) {
		if !mask.MatchString(shown.(string)) {
			t.Errorf("a secret is shown as %v", shown)
		}
	}

	read := g.API("GET", gateway.Integration(demo, "gh"), nil).Want(t, 200)
	if !bytes.Equal(bytes.TrimSpace(read.Body), bytes.TrimSpace(answer.Body)) || read.Header.Get("ETag") != tag {
		t.Errorf("read %s, created %s", read.Body, answer.Body)
	}

	// What was read can be sent back, and changes no secret.
	g.API("PUT", gateway.Integration(demo, "gh"), string(read.Body)).Want(t, 200)
	header := gateway.GitHub(secret, "push", "1", body)
	header.Set("X-Secure-Header", headerValue)
	accept(t, g.Post("/webhooks/gh", header, body))
	accept(t, g.Post("/webhooks/gh", gateway.GitHub(oldSecret, "push", "2", body), body))

	generated := g.API("POST", gateway.Integrations(demo), gateway.M{"authentication": authenticationByHeader(headerValue)}).Want(t, 201).JSON(t)
	id := generated["webhook_id"].(string)
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{21,127}$`).MatchString(id) {
		t.Errorf("the webhook ID that was made is %q", id)
	}
	if generated["resource"] != nil || generated["alias"] != "" {
		t.Errorf("resource %v, alias %v", generated["resource"], generated["alias"])
	}
	if generated["authentication"].(gateway.M)["require_sha256_signature"] != false {
		t.Error("require_sha256_signature is true without a signature")
	}
	g.API("DELETE", gateway.Integration(demo, id), nil).Want(t, 204)
	refused(t, g.API("GET", gateway.Integration(demo, id), nil), 404)
	refused(t, g.API("DELETE", gateway.Integration(demo, id), nil), 404)
}

func authenticationByHeader(value string) gateway.M {
	return gateway.M{"secure_header": gateway.M{"name": "X-Secure-Header", "value": value}}
}

func TestAdminRefusals(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	// with changes one field, given by its dotted path, of an otherwise valid
	// integration.
	with := func(path string, value any) gateway.M {
		integration := github("bad")
		object := integration
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			if object[name] == nil {
				object[name] = gateway.M{}
			}
			object = object[name].(gateway.M)
		}
		object[names[len(names)-1]] = value
		return integration
	}
	auth := func(value gateway.M) gateway.M { return with("authentication", value) }
	long := func(n int) string { return strings.Repeat("x", n) }
	many := func(n int) []string { return slices.Repeat([]string{"push"}, n) }
	header := func(name string) gateway.M {
		return with("authentication.secure_header", gateway.M{"name": name, "value": "v"})
	}
	for field, bodies := range map[string][]any{
		"surprise":       {with("surprise", 1), with("authentication.surprise", 1), with("resource.surprise", ""), with("authentication.signature.surprise", "")},
		"is_enabled":     {with("is_enabled", "false"), with("is_enabled", 1)},
		"alias":          {with("alias", 7), with("alias", long(201))},
		"webhook_id":     {with("webhook_id", "-x"), with("webhook_id", "a b"), with("webhook_id", "ä"), with("webhook_id", long(129)), with("webhook_id", 7)},
		"project":        {with("project", "other"), with("project", false)},
		"dedupe":         {with("dedupe", "always"), with("dedupe", true)},
		"event_filter":   {with("event_filter", " , "), with("event_filter", []string{""}), with("event_filter", 7), with("event_filter", []int{1}), with("event_filter", many(201)), with("event_filter", []string{long(129)}), with("event_filter", []string{"a*b*c*d*e*f"})},
		"resource":       {with("resource", "ticket"), with("resource", gateway.M{"type": "ticket"}), with("resource", gateway.M{"id": "x"}), with("resource.type", "unheard-of"), with("resource.id", "a/../b"), with("resource.id", "."), with("resource.id", "/x"), with("resource.id", "a b"), with("resource.id", long(257))},
		"match":          {with("authentication.match", "some")},
		"secure_header":  {header("Host"), header("Content-Type"), header("content-length"), header("User-Agent"), header("Connection"), header("Transfer-Encoding"), header("TE"), header("Upgrade"), header("bad name"), header("X-GitHub-Event"), header("X-GitHub-Delivery"), header("X-Hub-Signature-256"), header(""), with("authentication.secure_header", gateway.M{"name": "X-Key"}), with("authentication.secure_header", gateway.M{"value": "v"}), with("authentication.secure_header", gateway.M{"name": "X-Key", "value": ""}), with("authentication.secure_header", gateway.M{"name": "X-Key", "value": long(4097)})},
		"signature":      {with("authentication.signature.provider", "unheard-of"), with("authentication.signature.provider", ""), with("authentication.signature", "github")},
		"secrets":        {with("authentication.signature.secrets", []string{}), with("authentication.signature.secrets", []string{""}), with("authentication.signature.secrets", nil), with("authentication.signature.secrets", secret), with("authentication.signature.secrets", many(6)), with("authentication.signature.secrets", []string{long(4097)}), with("authentication.signature.secrets", []string{"********deadbeef"})},
		"basic":          {auth(gateway.M{"basic": gateway.M{"username": "u"}}), auth(gateway.M{"basic": gateway.M{"username": "u", "password": ""}})},
		"tokens":         {auth(gateway.M{"bearer": gateway.M{"tokens": []string{}}}), auth(gateway.M{"bearer": gateway.M{"tokens": []string{""}}})},
		"authentication": {auth(gateway.M{}), with("authentication", nil), auth(gateway.M{"allow_unauthenticated": true}), with("authentication.allow_unauthenticated", true), auth(gateway.M{"basic": gateway.M{"username": "u", "password": "p"}, "bearer": gateway.M{"tokens": []string{"t"}}}), auth(gateway.M{"secure_header": gateway.M{"name": "authorization", "value": "v"}, "bearer": gateway.M{"tokens": []string{"t"}}})},
		"require_sha256": {auth(gateway.M{"secure_header": gateway.M{"name": "X-Key", "value": "v"}, "require_sha256_signature": true}), auth(gateway.M{"signature": gateway.M{"provider": "gitlab", "secrets": []string{token}}, "require_sha256_signature": true}), with("authentication.require_sha256_signature", "true")},
		"":               {"", "null", "[]", `"text"`, "{", `{"webhook_id":"bad"} {}`, "\xff"},
	} {
		for i, body := range bodies {
			t.Run(fmt.Sprint(field, " ", i), func(t *testing.T) {
				refused(t, g.API("POST", gateway.Integrations(demo), body, "Content-Type", "application/json"), 400, field)
			})
		}
	}
	if items := list(t, g, gateway.Integrations(demo)); len(items) != 0 {
		t.Errorf("what was refused is there: %v", items)
	}
}

// list returns the items of a page of the admin API.
func list(t testing.TB, g *gateway.Gateway, path string) []gateway.M {
	t.Helper()
	items := []gateway.M{}
	for _, item := range g.API("GET", path, nil).Want(t, 200).JSON(t)["items"].([]any) {
		items = append(items, item.(gateway.M))
	}
	return items
}

func TestAdminChange(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	path := gateway.Integration(demo, "gh")
	g.Create(t, demo, github("gh", "alias", "first"))
	post := func(secret, delivery string) *gateway.Answer {
		return g.Post("/webhooks/gh", gateway.GitHub(secret, "push", delivery, body), body)
	}
	patch := func(change any) *gateway.Answer { return g.API("PATCH", path, change) }

	t.Run("in force when answered", func(t *testing.T) {
		for i := range 20 {
			next := fmt.Sprint("secret number ", i)
			patch(gateway.M{"authentication": gateway.M{"signature": gateway.M{"secrets": []string{next}}}}).Want(t, 200)
			accept(t, post(next, fmt.Sprint("s-", i)))
			problem(t, post(secret, fmt.Sprint("old-", i)), 401)
			patch(gateway.M{"is_enabled": false}).Want(t, 200)
			problem(t, post(next, fmt.Sprint("d-", i)), 404)
			patch(gateway.M{"is_enabled": true}).Want(t, 200)
		}
		patch(gateway.M{"authentication": gateway.M{"signature": gateway.M{"secrets": []string{secret}}}}).Want(t, 200)
	})
	t.Run("merge patch", func(t *testing.T) {
		got := patch(gateway.M{"event_filter": []string{"push"}, "alias": "second"}).Want(t, 200).JSON(t)
		if got["alias"] != "second" || fmt.Sprint(got["event_filter"]) != "[push]" {
			t.Errorf("patched to %v", got)
		}
		accept(t, post(secret, "m-1")) // the secret was not named and is kept
		got = patch(gateway.M{"alias": nil, "event_filter": nil}).Want(t, 200).JSON(t)
		if got["alias"] != "" || fmt.Sprint(got["event_filter"]) != "[]" {
			t.Errorf("removed: %v", got)
		}
		patch(gateway.M{}).Want(t, 200)
		got = g.API("PATCH", path, gateway.M{"alias": "third"}, "Content-Type", "application/json").Want(t, 200).JSON(t)
		if got["alias"] != "third" {
			t.Errorf("patched to %v", got)
		}
		refused(t, patch(gateway.M{"webhook_id": "other"}), 400, "webhook_id")
		refused(t, patch(gateway.M{"authentication": nil}), 400)
		refused(t, patch(`[]`), 400)
	})
	t.Run("masks", func(t *testing.T) {
		shown := g.API("GET", path, nil).JSON(t)["authentication"].(gateway.M)["signature"].(gateway.M)["secrets"].([]any)[0]
		signature := func(provider string, secrets ...any) gateway.M {
			return gateway.M{"authentication": gateway.M{"signature": gateway.M{"provider": provider, "secrets": secrets}}}
		}
		patch(signature("github", "brand new", shown)).Want(t, 200)
		accept(t, post(secret, "k-1"))
		accept(t, post("brand new", "k-2"))
		refused(t, patch(signature("jira", shown)), 400, "secrets")
		refused(t, patch(signature("github", "********00000000")), 400, "secrets")
		refused(t, patch(gateway.M{"authentication": gateway.M{"secure_header": gateway.M{"name": "X-Key", "value": shown}}}), 400, "secure_header")
		refused(t, g.API("POST", gateway.Integrations(demo), github("copy", "authentication", signature("github", shown)["authentication"])), 400, "secrets")
		accept(t, post(secret, "k-3"))
		patch(gateway.M{"authentication": authenticationByHeader("v1")}).Want(t, 200)
		shown = g.API("GET", path, nil).JSON(t)["authentication"].(gateway.M)["secure_header"].(gateway.M)["value"]
		patch(gateway.M{"authentication": gateway.M{"secure_header": gateway.M{"name": "X-Secure-Header", "value": shown}}}).Want(t, 200)
		refused(t, patch(gateway.M{"authentication": gateway.M{"secure_header": gateway.M{"name": "X-Other-Header", "value": shown}}}), 400, "secure_header")
		patch(gateway.M{"authentication": gateway.M{"secure_header": nil, "signature": gateway.M{"provider": "github", "secrets": []string{secret}}}}).Want(t, 200)
	})
	t.Run("replace", func(t *testing.T) {
		g.API("PUT", path, github("gh", "alias", "whole", "event_filter", []string{"push"}, "dedupe", "none")).Want(t, 200)
		got := g.API("PUT", path, github("gh")).Want(t, 200).JSON(t)
		if got["alias"] != "" || fmt.Sprint(got["event_filter"]) != "[]" || got["dedupe"] != "delivery" {
			t.Errorf("a field that was left out keeps its value: %v", got)
		}
		answer := g.API("PUT", gateway.Integration(demo, "put"), github("put")).Want(t, 201)
		if answer.Header.Get("ETag") == "" {
			t.Error("no ETag")
		}
		refused(t, g.API("PUT", gateway.Integration(demo, "put"), github("gh")), 400, "webhook_id")
		refused(t, g.API("POST", gateway.Integrations(demo), github("put")), 409)
	})
	t.Run("conditions", func(t *testing.T) {
		tag := g.API("GET", path, nil).Header.Get("ETag")
		fresh := g.API("PUT", path, github("gh"), "If-Match", tag).Want(t, 200).Header.Get("ETag")
		if fresh == tag {
			t.Error("a change keeps the ETag")
		}
		refused(t, g.API("PUT", path, github("gh"), "If-Match", tag), 412)
		refused(t, g.API("PUT", path, github("gh"), "If-None-Match", "*"), 412)
		refused(t, g.API("PUT", gateway.Integration(demo, "new"), github("new"), "If-Match", tag), 412)
		g.API("PUT", gateway.Integration(demo, "new"), github("new"), "If-None-Match", "*").Want(t, 201)
		g.API("PUT", path, github("gh"), "If-Match", `"nothing", `+fresh).Want(t, 200)
	})
	t.Run("require_sha256_signature follows the provider", func(t *testing.T) {
		require := func(change gateway.M) any {
			return patch(gateway.M{"authentication": change}).Want(t, 200).JSON(t)["authentication"].(gateway.M)["require_sha256_signature"]
		}
		if require(gateway.M{"signature": gateway.M{"provider": "gitlab", "secrets": []string{token}}}) != false {
			t.Error("it is true for a plain token")
		}
		if require(gateway.M{"signature": gateway.M{"provider": "github", "secrets": []string{secret}}}) != true {
			t.Error("it is false for GitHub")
		}
	})
}

func TestAdminList(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, declared("declared"))
	for i := range 5 {
		g.Create(t, demo, github(fmt.Sprint("hook-", i)))
	}
	g.Create(t, "other", github("elsewhere"))

	pages := func(path string, limit int) []string {
		var ids []string
		cursor := ""
		for range 10 {
			page := g.API("GET", fmt.Sprint(path, "?limit=", limit, "&cursor=", cursor), nil).Want(t, 200).JSON(t)
			items := page["items"].([]any)
			if len(items) > limit {
				t.Errorf("a page of %d holds %d", limit, len(items))
			}
			for _, item := range items {
				ids = append(ids, item.(gateway.M)["webhook_id"].(string))
			}
			if cursor, _ = page["next_cursor"].(string); cursor == "" {
				slices.Sort(ids)
				return ids
			}
		}
		t.Error("the pages do not end")
		return ids
	}
	own := []string{"declared", "hook-0", "hook-1", "hook-2", "hook-3", "hook-4"}
	for _, limit := range []int{1, 2, 6, 100} {
		if got := pages(gateway.Integrations(demo), limit); !slices.Equal(got, own) {
			t.Errorf("pages of %d have %v", limit, got)
		}
		all := slices.Sorted(slices.Values(append(slices.Clone(own), "elsewhere")))
		if got := pages("/webhooks/integrations", limit); !slices.Equal(got, all) {
			t.Errorf("pages of %d over all projects have %v", limit, got)
		}
	}
	if items := list(t, g, gateway.Integrations("empty")); len(items) != 0 {
		t.Errorf("an empty project lists %v", items)
	}
	for _, query := range []string{"limit=0", "limit=-1", "limit=x", "cursor=!!!"} {
		refused(t, g.API("GET", gateway.Integrations(demo)+"?"+query, nil), 400)
	}
	for _, item := range list(t, g, "/webhooks/integrations") {
		if text := fmt.Sprint(item); strings.Contains(text, secret) {
			t.Errorf("a list shows a secret: %s", text)
		}
	}
}
