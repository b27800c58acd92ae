package realtimeregister_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// writerVariable turns this test binary into a webhook process. Its value is a writerConfig.
const writerVariable = "REALTIMEREGISTER_TEST_WRITER"

// unitLives is how many random lives of a zone a test plays by default, beside the seeds of the fuzz target, which searches further.
const unitLives = "6"

func TestMain(m *testing.M) {
	if config := os.Getenv(writerVariable); config != "" {
		if err := serveChallenges(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := flag.Set("rapid.checks", unitLives); err != nil { // -rapid.checks overrides it
		panic(err)
	}
	os.Exit(m.Run())
}

type writerConfig struct{ API, Kubernetes, ID string }

// writerCall is one call of cert-manager.
type writerCall struct {
	Present bool
	Record  dnshost.TXT
}

// serveChallenges answers calls over HTTP until standard input ends. It first prints its address.
func serveChallenges(config string) error {
	var c writerConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	leases := kubelease.New("webhook")
	kubernetes := &rest.Config{Host: c.Kubernetes, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	if err := leases.Connect(kubernetes); err != nil {
		return err
	}
	p := &process{Provider: realtimeregister.NewProvider(realtimeregister.Options{BaseURL: c.API, UserAgent: c.ID, Leases: leases})}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: callLimit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call writerCall
		err := json.NewDecoder(r.Body).Decode(&call)
		switch {
		case err != nil:
		case call.Present:
			err = p.present(r.Context(), call.Record)
		default:
			err = p.cleanUp(r.Context(), call.Record)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusOK)
	})}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// writer is a webhook process that can be killed.
type writer struct {
	id, url string
	process *os.Process
}

func startWriter(t *testing.T, api *sim.Server, cluster *leasetest.Cluster, id string) *writer {
	t.Helper()
	config, err := json.Marshal(writerConfig{api.URL(), cluster.Origin(), id})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerVariable+"="+string(config))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // killed
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("process %s did not start: %v", id, err)
	}
	return &writer{id, "http://" + strings.TrimSpace(address), cmd.Process}
}

func (w *writer) call(ctx context.Context, c writerCall) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	message, err := io.ReadAll(resp.Body)
	return errors.Join(errors.New(strings.TrimSpace(string(message))), err)
}

// callEach makes concurrent calls as cert-manager does: each through some process, and after a failure through the next.
func callEach(ctx context.Context, writers []*writer, calls []writerCall) error {
	return atOnce(len(calls), func(i int) error {
		for attempt := i; ; attempt++ {
			err := writers[attempt%len(writers)].call(ctx, calls[i])
			if err == nil {
				return nil
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return err
			}
		}
	})
}
