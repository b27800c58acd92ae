package apiclient_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// TestLargeAnswers: at most three large responses are in memory at once, however many keys there are. Small ones do not wait.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	for size, most := range map[int]int32{512 << 10: 3, 1 << 10: 12} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `"`+strings.Repeat("x", size)+`"`)
			}))
			defer server.Close()
			large := apiclient.NewLargeAnswers()
			var now, peak atomic.Int32
			var all sync.WaitGroup
			ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
			defer cancel()
			for key := range 3 {
				client := apiclient.New(apiclient.Options{
					Host: "test", BaseURL: server.URL, LargeAnswers: large, Authenticate: func(http.Header, string) {},
				}, fmt.Sprint("key-", key))
				for range 4 {
					all.Go(func() {
						_, err := client.Do(ctx, apiclient.Call{Op: "read", Method: http.MethodGet, Path: "/", Decode: func([]byte) error {
							current := now.Add(1)
							defer now.Add(-1)
							for seen := peak.Load(); current > seen; seen = peak.Load() {
								if peak.CompareAndSwap(seen, current) {
									break
								}
							}
							return nil
						}})
						if err != nil {
							t.Error(err)
						}
					})
				}
			}
			all.Wait()
			if peak.Load() > most {
				t.Errorf("got %d responses at once, want at most %d", peak.Load(), most)
			}
		})
	}
}
