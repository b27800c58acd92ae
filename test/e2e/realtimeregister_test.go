package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

func (s *suite) testRealtimeRegister(t *testing.T) {
	t.Parallel()
	realtime := cluster.RealtimeRegister()
	// One issuer for both: names outside these zones are at mijn.host.
	both := s.issuerForBoth(t, "both", "voorbeeld.nl", "wildcard.nl", "delegating.example")

	t.Run("names at both hosts in one certificate", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(mijnHostKey, "mixed.nl")
		zone := s.addZone("reseller", "voorbeeld.nl", "_acme-challenge.voorbeeld.nl")
		s.requireCertificate(t, soon, cluster.NewCertificate("default", "both", both, "mixed.nl", "*.mixed.nl", "voorbeeld.nl"))
		s.requireUntouched(t, "mixed.nl", before)
		s.requireZoneUntouched(t, zone)
	})

	t.Run("a name, its wildcard and a subdomain", func(t *testing.T) {
		t.Parallel()
		zone := s.addZone("reseller", "wildcard.nl", "_acme-challenge.wildcard.nl", "_acme-challenge.sub.wildcard.nl")
		s.requireCertificate(t, soon,
			cluster.NewCertificate("default", "wildcard", both, "wildcard.nl", "*.wildcard.nl", "sub.wildcard.nl"))
		s.requireZoneUntouched(t, zone)
	})

	t.Run("a CNAME to a dedicated zone", func(t *testing.T) {
		t.Parallel()
		const target = "elsewhere.delegated-at-realtime.nl"
		s.realtime.DeclareChallenge(target)
		marker := realtimeregistertest.Record("delegated-at-realtime.nl", "TXT", "This zone is only for certificates.", 3600)
		zone := s.zoneOf("reseller", "delegated-at-realtime.nl", marker)
		s.api.AddStaticZone("delegating.example", mijnhosttest.Record{Type: "CNAME", Name: "_acme-challenge", Value: target + ".", TTL: 60})
		s.requireCertificate(t, soon, cluster.NewCertificate("default", "delegating-to-realtime", both, "delegating.example"))
		s.requireZoneUntouched(t, zone)
	})

	t.Run("an Issuer uses the key in its own namespace", func(t *testing.T) {
		t.Parallel()
		zone := s.addZone("team", "team-at-realtime.nl", "_acme-challenge.team-at-realtime.nl", "_acme-challenge.sub.team-at-realtime.nl")
		issuer := s.issuer(t, realtime, "team", realtimeTeamKey)
		s.requireCertificate(t, soon, cluster.NewCertificate("team", "team-at-realtime", issuer, "team-at-realtime.nl", "*.sub.team-at-realtime.nl"))
		s.requireZoneUntouched(t, zone)
		for _, request := range s.realtime.Requests() {
			if request.Zone == zone.id && request.Auth != realtimeregistertest.APIKey(realtimeTeamKey) {
				t.Errorf("%s %s sent with %q", request.Method, request.Path, request.Auth)
			}
		}
	})

	t.Run("the Challenge reports a wrong key; correcting the Secret fixes it", func(t *testing.T) {
		t.Parallel()
		zone := s.addZone("reseller", "wrong-realtime-key.nl", "_acme-challenge.wrong-realtime-key.nl")
		issuer := s.issuer(t, realtime, "wrong-realtime-key", "not-a-key")
		certificate := cluster.NewCertificate("wrong-realtime-key", "wrong-realtime-key", issuer, "wrong-realtime-key.nl")
		s.create(t, certificate)
		s.requireReason(t, "wrong-realtime-key", "Realtime Register rejects the API key", "wrong-realtime-key/"+realtime.KeySecret)

		if err := s.Client.Update(t.Context(), realtime.NewKeySecret("wrong-realtime-key", realtimeKey)); err != nil {
			t.Fatal(err)
		}
		s.requireReady(t, soon, certificate)
		s.requireZoneUntouched(t, zone)
	})
}

// webhookForBoth returns a release of our chart for the APIs of both hosts.
func (s *suite) webhookForBoth(values ...string) cluster.Release {
	return s.Webhook(s.api.URL(), append(values, fmt.Sprintf("realtimeRegister.baseURL=%q", s.realtime.URL()))...)
}

// issuerForBoth creates a ClusterIssuer that uses Realtime Register for these zones, and mijn.host for all others.
func (s *suite) issuerForBoth(t *testing.T, name string, zones ...string) cmmetav1.IssuerReference {
	t.Helper()
	s.create(t, &cmv1.ClusterIssuer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: s.IssuerOf(
		s.Solver(cluster.MijnHost(), cluster.WithoutSelfCheck),
		s.Solver(cluster.RealtimeRegister(), cluster.WithoutSelfCheck, zones...),
	)})
	return cmmetav1.IssuerReference{Kind: cmv1.ClusterIssuerKind, Name: name}
}

// realtimeZone is a zone at Realtime Register and its original content.
type realtimeZone struct {
	name   string
	id     int
	before []string
}

// addZone adds a zone with foreign records to an account. Challenges will use these names.
func (s *suite) addZone(account, name string, challenges ...string) realtimeZone {
	for _, challenge := range challenges {
		s.realtime.DeclareChallenge(challenge)
	}
	record, prio := realtimeregistertest.Record, realtimeregistertest.PrioRecord
	return s.zoneOf(account, name,
		record(name, "A", "192.0.2.10", 3600),
		record(name, "AAAA", "2001:db8::10", 3600),
		prio(name, "MX", "mail."+name, 3600, 0),
		record(name, "TXT", "v=spf1 mx -all", 900),
		record("quotes."+name, "TXT", `een "citaat" – zó`, 300),
		record("WWW."+name, "CNAME", name, 3600),
		prio("_sip._tcp."+name, "SRV", "5 5060 sip."+name, 3600, 10),
		// JSON as another client might write it.
		`{ "name": "notes.`+name+`", "type":"A", "content":"192.0.2.1", "ttl":300.0, "note": {"by":"J\u00f6rg <x>","big":12345678901234567890} }`,
		record("_acme-challenge."+name, "TXT", leftOver, 300),
	)
}

func (s *suite) zoneOf(account, name string, records ...string) realtimeZone {
	id := s.realtime.AddZone(account, realtimeregistertest.Zone{Name: name, Records: records})
	return realtimeZone{name, id, s.realtime.Records(id)}
}

// requireZoneUntouched waits until a zone is byte for byte the same as before.
func (s *suite) requireZoneUntouched(t *testing.T, zone realtimeZone) {
	t.Helper()
	limit := 30 * time.Second
	if s.before121 {
		limit += selfCheck
	}
	if err := cluster.Eventually(withLimit(t, limit), func(context.Context) error {
		if now := s.realtime.Records(zone.id); !slices.Equal(zone.before, now) {
			return fmt.Errorf("%s has changed:\n- %q\n+ %q", zone.name, zone.before, now)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	s.realtime.RequireNoHarm(t)
}
