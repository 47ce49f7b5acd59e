// Package hookgate imports every module of Hookgate, so that building Caddy
// with this one package is building the whole product.
package hookgate

import (
	_ "github.com/hookgate/hookgate/module"
	_ "github.com/hookgate/hookgate/module/command"
	_ "github.com/hookgate/hookgate/module/storage/badger"
	_ "github.com/hookgate/hookgate/module/trigger/codemie"
	_ "github.com/hookgate/hookgate/module/trigger/http"
)
