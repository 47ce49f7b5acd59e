// Package gateway joins the parts of the engine for the configurations that are
// loaded, and holds what survives a reload. It knows nothing of Caddy: module/ hands
// it the settings, the logger, the storage of certificates and the functions that
// count.
//
// A Pool has an engine for each open storage: the storage itself, the dispatcher, the
// routes of its integrations, and all else that lives as long. A Configuration shares
// an engine with the configurations before and after it, and each of its requests
// and admin calls has a hold on the configuration's Lease.
//
// # Order of calls
//
// Caddy starts a new configuration before it stops the old one; it may stop a
// configuration that has just started, because another app has failed to; it closes
// configurations that were never started; and it neither starts apps in a fixed order
// nor waits for requests before it closes a configuration. So:
//
//   - New, Declare and AddSite open nothing. Caddy validates that way, too, beside a
//     server that has the storage open.
//   - Start or the first request opens the storage, whichever comes first.
//   - The configuration that was started last dispatches, and its limits are in
//     force. When it is stopped, the one before it takes over again.
//   - Close lets go once, however often it is called. The last request of a closed
//     configuration closes the storage if nobody else has it open.
//
// # Locks
//
// They are taken in this order: Configuration.opening, the slot of a storage,
// Pool.mu. The first two are held while a storage is opened or closed, which may take
// long; Pool.mu never is. engine.mu is held while the dispatcher is handed a plan, and
// no other lock of this package is taken under it.
package gateway
