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
	// dnsGiveUp is after how long a nameserver counts as dead that has failed all the time.
	dnsGiveUp = 20 * time.Second
	// dnsReserve is left of the whole time for what follows the wait for the nameservers.
	dnsReserve = 25 * time.Second
)

// watch is the wait for the nameservers, beside the other measurements.
type watch struct {
	name   string   // of the probe, bare
	values []string // each of them proves that the zone is served anew
	since  time.Time

	servers []Nameserver
	served  atomic.Int32
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// watchNameservers begins to ask each of the nameservers for the probe record, until it serves it, is given up, or
// the time is over.
func (c *check) watchNameservers(ctx context.Context, names []string, p *probe) *watch {
	w := &watch{name: p.name, values: p.values, since: p.zone.written, servers: make([]Nameserver, len(names))}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > 2*dnsReserve {
		ctx, w.stop = context.WithDeadline(ctx, deadline.Add(-dnsReserve))
	} else {
		ctx, w.stop = context.WithCancel(ctx)
	}
	var all sync.WaitGroup
	for i, name := range names {
		w.servers[i].Name = name
		all.Go(func() { w.follow(ctx, c.DNS, &w.servers[i]) })
	}
	over, end := context.WithCancel(ctx)
	w.done.Go(func() {
		all.Wait()
		end()
	})
	w.done.Go(func() {
		for pause(over, time.Second) == nil {
			c.progress(fmt.Sprintf("Waiting for the nameservers: %d of %d serve the probe record, %s so far.",
				w.served.Load(), len(names), spoken(time.Since(w.since).Seconds())))
		}
	})
	return w
}

// wait returns when all nameservers serve the record or are given up.
func (w *watch) wait() []Nameserver {
	w.done.Wait()
	w.stop()
	return w.servers
}

// end ends the wait at once.
func (w *watch) end() {
	w.stop()
	w.done.Wait()
}

var errNotServed = errors.New("it does not serve the record yet")

// follow asks one nameserver time and again.
func (w *watch) follow(ctx context.Context, d DNS, ns *Nameserver) {
	answered, faulty := false, time.Now()
	for {
		err := w.ask(ctx, d, ns.Name)
		switch {
		case err == nil:
			took := inSeconds(time.Since(w.since))
			ns.Seconds, ns.Fault, ns.Silent = &took, "", false
			w.served.Add(1)
			return
		case ctx.Err() != nil && ns.Fault != "": // an exchange that was cut off tells nothing
			return
		}
		isAnswer := errors.Is(err, errNotServed)
		answered = answered || isAnswer || errors.As(err, new(errRcode))
		ns.Fault, ns.Silent = faultOf(err), !answered
		if isAnswer {
			faulty = time.Now()
		}
		if time.Since(faulty) > dnsGiveUp || pause(ctx, dnsPoll) != nil {
			return
		}
	}
}

func (w *watch) ask(ctx context.Context, d DNS, nameserver string) error {
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
func (c *check) judgeNameservers(ctx context.Context, servers []Nameserver) {
	c.result.Nameservers = servers
	var served, late, silent []string
	for _, ns := range servers {
		switch {
		case ns.Seconds != nil:
			served = append(served, ns.Name+" "+after(*ns.Seconds))
		case ns.Silent:
			silent = append(silent, fmt.Sprintf("%s (%s)", ns.Name, ns.Fault))
		default:
			late = append(late, fmt.Sprintf("%s (%s)", ns.Name, ns.Fault))
		}
	}
	why, remedy, cut := cutShort(ctx)
	switch {
	case len(servers) == 0:
		c.step(StepNameservers, Unknown, "Which nameservers to ask for the probe record is not known.", "See the step on the delegation.")
	case len(served) == len(servers):
		c.step(StepNameservers, OK, fmt.Sprintf("All nameservers serve the probe record: %s.", list(served)), "")
	case cut && errors.Is(ctx.Err(), context.Canceled):
		c.step(StepNameservers, Unknown, fmt.Sprintf("Whether all nameservers serve the probe record could not be told: %s.", why), remedy)
	case len(silent) == len(servers):
		c.step(StepNameservers, Unknown, fmt.Sprintf("No nameserver answers: %s.", list(silent)),
			"See whether this system may ask nameservers directly (UDP and TCP port 53 to the internet; a NetworkPolicy or firewall?). "+
				"cert-manager's self-check has to, unless it is told to use a resolver only.")
	case len(late) > 0:
		c.step(StepNameservers, Problem, fmt.Sprintf("Not every nameserver served the probe record in time. %sStill to come: %s.", alreadyServed(served), list(append(late, silent...))),
			"Give more time with --timeout. If it stays so, ask mijn.host: certificates have to wait for all nameservers.")
	default:
		c.step(StepNameservers, Problem, fmt.Sprintf("Not every nameserver answers. %sNo answer: %s.", alreadyServed(served), list(silent)),
			"See whether this system can reach it. If nobody can, ask mijn.host: cert-manager's self-check asks every nameserver.")
	}
}

func alreadyServed(served []string) string {
	if len(served) == 0 {
		return ""
	}
	return "Served: " + list(served) + ". "
}
