module example.com/desk

go 1.26.0

require (
	github.com/caddyserver/caddy/v2 v2.11.9
	github.com/hookgate/hookgate v0.0.0
)
