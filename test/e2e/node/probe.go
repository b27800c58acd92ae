package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// eager is the interval until the first success. A kubelet, too, may probe more often until then.
const eager = 100 * time.Millisecond

// probe probes a container until its process ends.
func (p *pod) probe(ctx context.Context, c *container, running *process.Process) {
	if startup := c.spec.StartupProbe; startup != nil {
		delay := time.Duration(startup.InitialDelaySeconds) * time.Second
		limit, cancel := context.WithTimeout(ctx, delay+time.Duration(startup.FailureThreshold)*period(startup))
		defer cancel()
		if !p.awaitSuccess(limit, c, startup) {
			if ctx.Err() == nil {
				c.stop(running, p.grace)
			}
			return
		}
	}
	p.post(func() {
		if c.process == running {
			c.started, c.ready = true, c.spec.ReadinessProbe == nil
		}
	})
	if liveness := c.spec.LivenessProbe; liveness != nil {
		go func() {
			p.awaitFailure(ctx, c, liveness)
			if ctx.Err() == nil {
				c.stop(running, p.grace)
			}
		}()
	}
	readiness := c.spec.ReadinessProbe
	for readiness != nil && ctx.Err() == nil {
		p.awaitSuccess(ctx, c, readiness)
		p.post(func() { c.ready = c.process == running })
		p.awaitFailure(ctx, c, readiness)
		p.post(func() { c.ready = false })
	}
}

// awaitSuccess returns false if the context ends first.
func (p *pod) awaitSuccess(ctx context.Context, c *container, probe *corev1.Probe) bool {
	for p.ask(ctx, c, probe) != nil {
		if !pause(ctx, eager) {
			return false
		}
	}
	return true
}

// awaitFailure returns after failureThreshold failures in a row, or when the context ends.
func (p *pod) awaitFailure(ctx context.Context, c *container, probe *corev1.Probe) {
	for failures := int32(0); failures < probe.FailureThreshold; {
		if !pause(ctx, period(probe)) {
			return
		}
		if p.ask(ctx, c, probe) == nil {
			failures = 0
		} else {
			failures++
		}
	}
}

func period(probe *corev1.Probe) time.Duration {
	return time.Duration(probe.PeriodSeconds) * time.Second
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pod) ask(ctx context.Context, c *container, probe *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(probe.TimeoutSeconds)*time.Second)
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		port, err := c.port(probe.HTTPGet.Port.String())
		if err != nil {
			return err
		}
		return get(ctx, probe.HTTPGet, net.JoinHostPort(network.Loopback(p.address), port))
	case probe.TCPSocket != nil:
		port, err := c.port(probe.TCPSocket.Port.String())
		if err != nil {
			return err
		}
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(network.Loopback(p.address), port))
		if err != nil {
			return err
		}
		return connection.Close()
	}
	return errors.New("unsupported probe")
}

func get(ctx context.Context, action *corev1.HTTPGetAction, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.ToLower(string(action.Scheme))+"://"+address+action.Path, http.NoBody)
	if err != nil {
		return err
	}
	for _, header := range action.HTTPHeaders {
		request.Header.Set(header.Name, header.Value)
	}
	client := &http.Client{
		// A kubelet does not verify the certificate.
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 400 {
		return fmt.Errorf("probe: %s", response.Status)
	}
	return nil
}
