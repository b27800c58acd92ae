package hosttest

import (
	"context"
	"net"
	"sync"

	"github.com/miekg/dns"
)

// serveDNS serves the zones on UDP and TCP at one address, until Close.
func (l *Listener) serveDNS(ctx context.Context, addr string, answer func(*dns.Msg) *dns.Msg) error {
	packets, streams, err := listenBoth(ctx, addr)
	if err != nil {
		return err
	}
	l.dnsAddr = packets.LocalAddr().String()
	servers := []*dns.Server{
		{PacketConn: packets, Handler: dnsHandler(answer, true)},
		{Listener: streams, Handler: dnsHandler(answer, false)},
	}
	var running, started sync.WaitGroup
	for _, server := range servers {
		started.Add(1)
		server.NotifyStartedFunc = started.Done
		running.Go(func() {
			if err := server.ActivateAndServe(); err != nil {
				panic(err) // our own listener does not fail
			}
		})
	}
	started.Wait()
	l.closers = append(l.closers, func() {
		for _, server := range servers {
			_ = server.Shutdown()
		}
		running.Wait()
	})
	return nil
}

func dnsHandler(answer func(*dns.Msg) *dns.Msg, udp bool) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		m := answer(query)
		if udp {
			size := dns.MinMsgSize
			if opt := query.IsEdns0(); opt != nil {
				size = max(size, min(int(opt.UDPSize()), udpSize))
			}
			m.Truncate(size) // sets TC, so that the client retries over TCP
		}
		_ = w.WriteMsg(m) // the client has disconnected
	})
}

// listenBoth listens on UDP and TCP at one address. The port that the system chooses for UDP can be in use for TCP:
// then it retries.
func listenBoth(ctx context.Context, addr string) (net.PacketConn, net.Listener, error) {
	const tries = 20
	var config net.ListenConfig
	var lastErr error
	for range tries {
		packets, err := config.ListenPacket(ctx, "udp", addr)
		if err != nil {
			return nil, nil, err
		}
		streams, err := config.Listen(ctx, "tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, streams, nil
		}
		_ = packets.Close()
		lastErr = err
	}
	return nil, nil, lastErr
}
