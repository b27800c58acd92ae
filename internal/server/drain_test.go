package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestDrain_ClosesConnections: a connection closes only after a response.
func TestDrain_ClosesConnections(t *testing.T) {
	t.Parallel()
	ctx, shutDown := context.WithCancel(t.Context())
	var callers []string
	s := httptest.NewUnstartedServer(drain(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		callers = append(callers, r.RemoteAddr)
	})))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	call := func() {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := s.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK {
			t.Errorf("got %s %s, want HTTP/2 200", response.Proto, response.Status)
		}
	}
	call()
	call()
	shutDown()
	call()
	call()
	if callers[0] != callers[1] || callers[1] != callers[2] {
		t.Errorf("connection closed too early: %v", callers)
	}
	if callers[2] == callers[3] {
		t.Errorf("connection not closed: %v", callers)
	}
}
