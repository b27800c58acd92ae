package realtimeregister_test

import (
	"strings"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// A record is the same in another form of JSON, and lost if its value differs.
func TestRecord_OtherForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sent, shown string
		same        bool
	}{
		{`"name":"WWW.Example.nl"`, `"name":"www.example.nl."`, true},
		{`"ttl":300`, `"ttl": 3.00e2 `, true},
		{`"ttl":300`, `"ttl":301`, false},
		{`"id":12345678901234567890`, `"id":12345678901234567891`, false},
		{`"note":{"a":1,"b":[true,null]}`, `"note":{"b":[true,null],"a":1.0}`, true},
		{`"note":{"a":1,"b":[true,null]}`, `"note":{"b":[null,true],"a":1}`, false},
		{`"content":"<a&b> \"\\"`, `"content":"\u003ca\u0026b\u003e\u0020\u0022\u005c"`, true},
		{`"content":"<a&b>"`, `"content":"\u003ca\u0026b\u003e"`, true},
		{`"content":"J\u00f6rg"`, `"content":"Jörg"`, true},
		{`"content":"a"`, `"content":"A"`, false},
	} {
		t.Run(c.sent+" "+c.shown, func(t *testing.T) {
			t.Parallel()
			record := func(field string) string { // of two fields with one name, the last one counts
				return `{"name":"www.example.nl","type":"TXT","content":"x","ttl":60,` + field + `}`
			}
			zone := sim.Zone{Name: "example.nl", Records: append(others(), record(c.sent))}
			inBubbleWith(t, sim.Options{}, zone, func(w world) {
				lost := &losses{}
				p := w.newProcess("observed", func(o *realtimeregister.Options) { o.Observer = lost })
				records := append(others(), record(c.shown), sim.Record("_acme-challenge.example.nl", "TXT", acme(1), 300))
				w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.OtherRecords("[" + strings.Join(records, ",") + "]"), Skip: 1})
				w.must(p.present(w.Context(), txt(testName, acme(1))))
				if (lost.records == 0) != c.same {
					w.Errorf("%d records reported lost", lost.records)
				}
			})
		})
	}
}
