package server

import (
	"context"
	"net/http"
	"time"
)

// drainTime is how long the server still accepts calls after SIGTERM.
const drainTime = 2 * time.Second

// drain makes clients reconnect elsewhere after ctx ends. With HTTP/2, "Connection: close" becomes a GOAWAY after a response. A
// server that stops at once would send its GOAWAY while a call may be on its way, and the aggregator cannot retry a call whose
// body it has already sent.
func drain(ctx context.Context, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}
