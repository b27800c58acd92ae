package mijnhosttest

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A synctest bubble panics if a goroutine outlives it. So each test here also proves that neither server nor client leaks one.

func TestInMemory_LatencyIsVirtual(t *testing.T) {
	t.Parallel()
	realStart := time.Now()
	synctest.Test(t, func(t *testing.T) {
		s := StartInMemory(t, Options{Latency: 20 * time.Second})
		populate(s)
		start := time.Now()
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				if got, err := send(t, s, "GET", "/domains", ""); err != nil || got.code != 200 {
					t.Errorf("got %d, %v", got.code, err)
				}
			})
		}
		calls.Wait()
		if elapsed := time.Since(start); elapsed != 20*time.Second {
			t.Errorf("took %s of virtual time", elapsed)
		}
		if s.MaxInFlight() != 10 || s.MaxInFlightOf(testKey) != 10 || s.InFlight() != 0 {
			t.Errorf("in flight: got %d, %d", s.MaxInFlight(), s.MaxInFlightOf(testKey))
		}
	})
	if elapsed := time.Since(realStart); elapsed > 10*time.Second {
		t.Errorf("took %s of real time", elapsed)
	}
}

func TestInMemory_IdleConnectionsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := StartInMemory(t, Options{})
		populate(s)
		client := &http.Client{Transport: s.HTTPTransport()}
		response, err := client.Do(newRequest("GET", s.URL()+"/domains", ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		pass(time.Hour)
	})
}

func TestInMemory_ClosedServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := StartInMemory(t, Options{})
		s.Close()
		if _, err := send(t, s, "GET", "/domains", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v", err)
		}
	})
}

func TestInMemory_EveryHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := StartInMemory(t, Options{})
		s.Inject(Fault{Kind: Redirect(302, "http://elsewhere.example/"), Times: 1})
		transport := s.HTTPTransport()
		client := &http.Client{Transport: transport}
		response, err := client.Do(newRequest("GET", s.URL()+"/domains", ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if r := s.Requests(); len(r) != 2 || r[0].Host != "mijnhost.test" || r[1].Host != "elsewhere.example" {
			t.Errorf("got requests %+v", r)
		}
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	lender := httptest.NewTLSServer(nil)
	certificate := lender.TLS.Certificates[0]
	lender.Close()
	s := Start(t, Options{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	populate(s)
	transport := s.HTTPTransport()
	defer transport.CloseIdleConnections()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	response, err := transport.RoundTrip(newRequest("GET", s.URL()+"/domains", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK || response.TLS == nil {
		t.Errorf("got %s", response.Status)
	}
}

func TestRequestLog_SequentialCallsInFlight(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	populate(s, manyRecords(500)...)
	transport := s.HTTPTransport()
	defer transport.CloseIdleConnections()
	for range 100 {
		response, err := transport.RoundTrip(newRequest("GET", s.URL()+"/domains/example.nl/dns", ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	if n := s.MaxInFlight(); n != 1 {
		t.Errorf("got %d in flight, want 1", n)
	}
}
