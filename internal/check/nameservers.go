package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	dnsPoll = 2 * time.Second
	// dnsGiveUp is how long a nameserver may fail before the check gives it up.
	dnsGiveUp = 20 * time.Second
	// dnsReserve is the time kept for what follows the wait for the nameservers.
	dnsReserve = 25 * time.Second
)

// Watch is the wait for the nameservers, which runs concurrently with other measurements.
type Watch struct {
	check  *Check
	name   string   // of the probe, bare
	values []string // each proves that the nameserver serves the new zone
	since  time.Time

	servers []Nameserver
	served  atomic.Int32
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// WatchNameservers polls each nameserver for the TXT record written at since, until the nameserver serves one of values, the check
// gives it up, or time runs out. name is bare.
func (c *Check) WatchNameservers(ctx context.Context, names []string, name string, values []string, since time.Time) *Watch {
	w := &Watch{check: c, name: name, values: values, since: since, servers: make([]Nameserver, len(names))}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > 2*dnsReserve {
		ctx, w.stop = context.WithDeadline(ctx, deadline.Add(-dnsReserve))
	} else {
		ctx, w.stop = context.WithCancel(ctx)
	}
	var all sync.WaitGroup
	for i, nameserver := range names {
		w.servers[i].Name = nameserver
		all.Go(func() { w.follow(ctx, c.options.DNS, &w.servers[i]) })
	}
	over, end := context.WithCancel(ctx)
	w.done.Go(func() {
		all.Wait()
		end()
	})
	w.done.Go(func() {
		for Pause(over, time.Second) == nil {
			c.Progress(fmt.Sprintf("Waiting for the nameservers: %d of %d serve the probe record after %s.",
				w.served.Load(), len(names), Spoken(time.Since(w.since).Seconds())))
		}
	})
	return w
}

// Judge waits until all nameservers serve the record or are given up, then ends the step.
func (w *Watch) Judge(ctx context.Context) {
	w.done.Wait()
	w.stop()
	w.check.judgeNameservers(ctx, w.servers, w.name, w.values)
	w.check.allSteps = true
}

// End stops the wait immediately.
func (w *Watch) End() {
	w.stop()
	w.done.Wait()
}

var errNotServed = errors.New("it does not serve the record yet")

// follow polls one nameserver.
func (w *Watch) follow(ctx context.Context, d DNS, ns *Nameserver) {
	answered, faulty := false, time.Now()
	for {
		err := w.ask(ctx, d, ns.Name)
		switch {
		case err == nil:
			elapsed := InSeconds(time.Since(w.since))
			ns.Seconds, ns.Fault, ns.Silent = &elapsed, "", false
			w.served.Add(1)
			return
		case ctx.Err() != nil && ns.Fault != "": // an interrupted exchange is no result
			return
		}
		isAnswer := errors.Is(err, errNotServed)
		answered = answered || isAnswer || errors.As(err, new(errRcode)) && !errors.As(err, new(resolverError))
		ns.Fault, ns.Silent = faultOf(err), !answered
		if isAnswer {
			faulty = time.Now()
		}
		if time.Since(faulty) > dnsGiveUp || Pause(ctx, dnsPoll) != nil {
			return
		}
	}
}

func (w *Watch) ask(ctx context.Context, d DNS, nameserver string) error {
	addresses, err := addressesOf(ctx, d, nameserver)
	if err != nil {
		return err
	}
	m, err := askNameserver(ctx, d, addresses, w.name, dns.TypeTXT)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(txtIn(m), func(v string) bool { return slices.Contains(w.values, v) }) {
		return errNotServed
	}
	return nil
}

func faultOf(err error) string {
	if errors.Is(err, errNotServed) {
		return err.Error()
	}
	return dnsFault(err)
}

// judgeNameservers ends the step.
func (c *Check) judgeNameservers(ctx context.Context, servers []Nameserver, name string, values []string) {
	c.Result.Nameservers = servers
	var served, late, silent []string
	for _, ns := range servers {
		switch {
		case ns.Seconds != nil:
			served = append(served, ns.Name+" "+After(*ns.Seconds))
		case ns.Silent:
			silent = append(silent, fmt.Sprintf("%s (%s)", ns.Name, ns.Fault))
		default:
			fault := ns.Fault
			if fault == errNotServed.Error() {
				fault += c.published(ctx, c.Result.Domain, ns.Name)
			}
			late = append(late, fmt.Sprintf("%s (%s)", ns.Name, fault))
		}
	}
	why, remedy, cut := CutShort(ctx)
	switch {
	case len(servers) == 0:
		c.Step(StepNameservers, Unknown, "The nameservers to query for the probe record are unknown.", "See the delegation step.")
	case len(served) == len(servers):
		c.Step(StepNameservers, OK, fmt.Sprintf("All nameservers serve the probe record: %s.", List(served)), "")
	case cut && errors.Is(ctx.Err(), context.Canceled):
		c.Step(StepNameservers, Unknown, fmt.Sprintf("Whether all nameservers serve the probe record is inconclusive: %s.", why), remedy)
	case len(silent) == len(servers) && c.isResolved(ctx, name, values):
		c.Step(StepNameservers, OK, "The resolver serves the probe record. No nameserver answers this system directly (port 53 may be closed), "+
			"so cert-manager needs --dns01-recursive-nameservers-only.", "")
	case len(silent) == len(servers):
		c.Step(StepNameservers, Unknown, fmt.Sprintf("No nameserver answers: %s.", List(silent)),
			"Allow this system to query nameservers directly (UDP and TCP port 53 to the internet); check NetworkPolicies and firewalls. "+
				"cert-manager's self-check does so as well, unless --dns01-recursive-nameservers-only is set.")
	case len(late) > 0:
		c.Step(StepNameservers, Problem, fmt.Sprintf("Not every nameserver served the probe record in time. %sMissing: %s.", alreadyServed(served), List(append(late, silent...))),
			fmt.Sprintf("Increase --timeout. If it persists, contact %s: cert-manager waits for all nameservers.", c.options.Host.Name()))
	default:
		remedy := fmt.Sprintf("Check that this system can reach it. If it is unreachable from other networks too, contact %s: cert-manager's self-check queries every nameserver.", c.options.Host.Name())
		if c.found(StepServers, Problem) {
			remedy = "See the nameserver addresses above."
		}
		c.Step(StepNameservers, Problem, fmt.Sprintf("Not every nameserver answers. %sNo answer: %s.", alreadyServed(served), List(silent)), remedy)
	}
}

// isResolved reports whether the resolver serves one of values. It sends one query, because resolvers cache a missing record.
func (c *Check) isResolved(ctx context.Context, name string, values []string) bool {
	m, err := resolve(ctx, c.options.DNS, name, dns.TypeTXT)
	return err == nil && slices.ContainsFunc(txtIn(m), func(v string) bool { return slices.Contains(values, v) })
}

func alreadyServed(served []string) string {
	if len(served) == 0 {
		return ""
	}
	return "Served: " + List(served) + ". "
}
