package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	route    = "/v1/settings/project"
	perPage  = 100
	maxPages = maxSettings / perPage
	timeout  = 30 * time.Second // per page
)

// Fetch reads all pages of the list from the platform: its address with the
// root path, or that of the list itself. The token is that of a project
// administrator, who sees the settings of their projects, or of a platform
// administrator.
func Fetch(ctx context.Context, transport http.RoundTripper, address, token string) ([]Setting, error) {
	target, err := parse(address)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport: transport, Timeout: timeout,
		// The token must not go anywhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var l list
	left := int64(maxBytes)
	for n := range maxPages {
		text, err := get(ctx, client, pageOf(target, n), token, left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(text))
		before := l.settings
		pages, err := l.document(text)
		if err != nil {
			return nil, err
		}
		if n+1 >= pages || l.settings == before {
			return l.webhooks, nil
		}
	}
	return nil, fmt.Errorf("the list has more than %d pages", maxPages)
}

func parse(address string) (*url.URL, error) {
	target, err := url.Parse(address)
	if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Hostname() == "" {
		return nil, errors.New("the source is neither a file nor an http or https URL")
	}
	if target.User != nil {
		return nil, errors.New("the URL must not contain a user name or password")
	}
	target.Fragment = ""
	if path := strings.TrimRight(target.Path, "/"); !strings.HasSuffix(path, route) {
		target.Path, target.RawPath = path+route, ""
	}
	return target, nil
}

func pageOf(target *url.URL, n int) string {
	page := *target
	query := page.Query()
	query.Set("page", strconv.Itoa(n))
	query.Set("per_page", strconv.Itoa(perPage))
	query.Set("filters", `{"type":"Webhook"}`)
	page.RawQuery = query.Encode()
	return page.String()
}

// get reads one page.
func get(ctx context.Context, client *http.Client, target, token string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the platform: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Hookgate")
	response, err := client.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, fmt.Errorf("asking the platform: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, refused(response)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the platform's answer: %w", err)
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("the list is larger than %d MiB", maxBytes>>20)
	}
	return bytes.TrimSpace(text), nil
}

// refused returns the error for an answer, with the platform's message if it
// has one.
func refused(response *http.Response) error {
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	words := ""
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil && json.Unmarshal(text, &answer) == nil && answer.Error.Message != "" {
		words = ": " + quote(answer.Error.Message)
	}
	switch {
	case response.StatusCode == http.StatusUnauthorized:
		return errors.New("the platform refuses the token" + words)
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return errors.New("the platform redirects to a sign-in page: give the address of its API")
	}
	return fmt.Errorf("the platform answered %s%s", response.Status, words)
}
