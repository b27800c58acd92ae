package server

import (
	"context"
	"net/http"
	"time"
)

// leaveTaking is how long a server that has been told to end still takes calls.
const leaveTaking = 2 * time.Second

// takeLeave has whoever calls during that time open its next connection elsewhere: with HTTP/2 this header becomes a GOAWAY
// that comes with an answer. When a server ends at once, its GOAWAY can cross a call, and the proxy of the Kubernetes API
// server cannot repeat that, having passed on the body.
func takeLeave(ctx context.Context, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}
