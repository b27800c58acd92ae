package mijnhosttest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong with some calls.
type Fault struct {
	// Kind is what goes wrong. It must be set.
	Kind Kind

	// Which calls it is for: those for which all that is set here fits. The
	// zero values fit every call, those of no known operation included.
	Op     Operation
	Method string
	Domain string
	Key    string
	When   func(Request) bool // must not call the Server

	// Skip is how many of those calls go well first, and Times is how many
	// go wrong then; zero is all of them.
	Skip  int
	Times int

	// From and Until limit it in time, counted from the moment at which it
	// is injected. An Until of zero is never.
	From  time.Duration
	Until time.Duration
}

// faultTable is the faults injected, oldest first.
type faultTable struct {
	mu     sync.Mutex
	faults []*injected
}

type injected struct {
	Fault
	at      time.Time
	skipped int
	played  int
}

// Inject makes calls go wrong from now on, until remove is called. Of several
// faults that fit a call, the one that was injected first is played; the others
// do not count the call.
func (s *Server) Inject(f Fault) (remove func()) {
	if f.Kind.play == nil {
		panic("mijnhosttest: Inject: the fault has no Kind")
	}
	one := &injected{Fault: f, at: time.Now()}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = append(s.faults.faults, one)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.faults = slices.DeleteFunc(s.faults.faults, func(f *injected) bool { return f == one })
	}
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = nil
}

// next is the fault to play for the request.
func (t *faultTable) next(r Request, now time.Time) (Fault, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.faults {
		if !f.fits(r, now) {
			continue
		}
		if f.skipped < f.Skip {
			f.skipped++
			continue
		}
		if f.Times > 0 && f.played >= f.Times {
			continue
		}
		f.played++
		return f.Fault, true
	}
	return Fault{}, false
}

func (f *injected) fits(r Request, now time.Time) bool {
	age := now.Sub(f.at)
	return (f.Op == "" || f.Op == r.Op) &&
		(f.Method == "" || f.Method == r.Method) &&
		(f.Domain == "" || strings.EqualFold(f.Domain, r.Domain)) &&
		(f.Key == "" || f.Key == r.Key) &&
		age >= f.From && (f.Until == 0 || age < f.Until) &&
		(f.When == nil || f.When(r))
}

// Kind is what goes wrong: it plays a call, and decides whether the API carries
// the call out at all. Unless its description says otherwise, it does not.
type Kind struct {
	name string
	play func(*call)
}

// String names the kind; the request log has it.
func (k Kind) String() string { return k.name }

// Status answers with the code and the words that belong to it. (D: 400, 401,
// 403, 404, 405, 429, 500)
func Status(code int) Kind { return StatusSaying(code, wordsFor(code)) }

// StatusSaying answers with the code and the words given.
func StatusSaying(code int, words string) Kind {
	return Kind{fmt.Sprintf("status %d", code), func(c *call) { c.send(failure(code, words)) }}
}

func wordsFor(code int) string {
	switch code {
	case http.StatusBadRequest: // O: "a 400 now and then is transient"
		return sayNoAccess
	case http.StatusUnauthorized:
		return sayNoKey
	case http.StatusNotFound:
		return sayNotFound
	case http.StatusMethodNotAllowed:
		return sayNotAllowed
	default:
		return http.StatusText(code)
	}
}

// RetryAfter is a form of the header Retry-After: its value at the moment of
// the answer. nil is no such header.
type RetryAfter func(now time.Time) string

// InSeconds is Retry-After as a number of seconds, rounded up.
func InSeconds(d time.Duration) RetryAfter {
	return func(time.Time) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
}

// AtDate is Retry-After as an HTTP date, so long after the answer, rounded up to
// the second, the precision of a date.
func AtDate(d time.Duration) RetryAfter {
	return func(now time.Time) string {
		return now.Add(d + time.Second - 1).UTC().Truncate(time.Second).Format(http.TimeFormat)
	}
}

// AsWritten is Retry-After with that very value, for one that makes no sense.
func AsWritten(value string) RetryAfter { return func(time.Time) string { return value } }

// RateLimited answers 429. (D: the code; O: one client reads Retry-After)
func RateLimited(after RetryAfter) Kind { return statusRetry(http.StatusTooManyRequests, after) }

// Unavailable answers 503.
func Unavailable(after RetryAfter) Kind { return statusRetry(http.StatusServiceUnavailable, after) }

func statusRetry(code int, after RetryAfter) Kind {
	return Kind{fmt.Sprintf("status %d", code), func(c *call) {
		if after != nil {
			// As of the moment at which the answer will be on its way.
			now := time.Now()
			if c.due.After(now) {
				now = c.due
			}
			c.w.Header().Set("Retry-After", after(now))
		}
		c.send(failure(code, wordsFor(code)))
	}}
}

// HTMLPage answers with the code and a page of a proxy. (D: "failures can also
// arrive as HTML pages from a proxy") With 200 it is the wrong content type.
func HTMLPage(code int) Kind {
	return Kind{fmt.Sprintf("HTML page %d", code), func(c *call) {
		page := fmt.Sprintf("<!DOCTYPE html>\n<html><head><title>%d %s</title></head>"+
			"<body><h1>%[2]s</h1><hr><p>proxy</p></body></html>\n", code, http.StatusText(code))
		c.sendBody(code, "text/html; charset=utf-8", []byte(page))
	}}
}

// ErrorInside200 answers HTTP 200 with an error in the body, its status a
// number. (I: "some clients have met HTTP 200 with an error in the body")
func ErrorInside200(status int, words string) Kind {
	return Kind{fmt.Sprintf("error %d inside a 200", status), func(c *call) {
		c.send(answer{code: http.StatusOK, bodyCode: status, description: words})
	}}
}

// ErrorTextInside200 answers HTTP 200 with an error in the body, its status the
// string "error". (I)
func ErrorTextInside200(words string) Kind {
	return Kind{`"error" inside a 200`, func(c *call) {
		c.send(answer{code: http.StatusOK, textStatus: true, description: words})
	}}
}

// Hang never answers; it ends when the client goes away.
func Hang() Kind {
	return Kind{"hang", func(c *call) {
		select {
		case <-c.r.Context().Done():
		case <-c.server.Closed():
		}
		c.drop()
	}}
}

// DropBefore drops the connection without having carried the call out; on TCP
// it is reset. Beware that Go's transport retries a GET automatically, on a new
// connection, if the one that broke had been used before.
func DropBefore() Kind {
	return Kind{"drop before the effect", (*call).drop}
}

// DropAfter drops the connection once the call was carried out.
func DropAfter() Kind {
	return Kind{"drop after the effect", func(c *call) {
		c.carryOut()
		c.drop()
	}}
}

// AfterEffect carries the call out, and then does as the kind does: the answer
// is a failure, the effect is there.
func AfterEffect(k Kind) Kind {
	return Kind{k.name + " after the effect", func(c *call) {
		c.carryOut()
		k.play(c)
	}}
}

// EffectLater answers 500 at once, and carries the call out so much later.
func EffectLater(d time.Duration) Kind {
	return Kind{fmt.Sprintf("effect %s later", d), func(c *call) {
		time.AfterFunc(d, func() { c.carryOut() })
		c.send(failure(http.StatusInternalServerError, wordsFor(http.StatusInternalServerError)))
	}}
}

// Late does as the kind does, so much later.
func Late(d time.Duration, k Kind) Kind {
	return Kind{fmt.Sprintf("%s, %s late", k.name, d), func(c *call) {
		c.due = c.due.Add(d)
		if !c.server.Pause(c.r, d) {
			c.drop()
			return
		}
		k.play(c)
	}}
}

// Slow carries the call out at once, and answers it so much later than others.
func Slow(d time.Duration) Kind {
	return Kind{fmt.Sprintf("%s slow", d), func(c *call) {
		c.due = c.due.Add(d)
		c.send(c.carryOut())
	}}
}

// Truncated carries the call out, and breaks off in the middle of the answer's
// body.
func Truncated() Kind {
	return Kind{"truncated body", func(c *call) {
		a := c.carryOut()
		body := a.body(c.opts)
		if c.begin(a.code, "application/json", len(body)) {
			c.land()
			_, _ = c.w.Write(body[:len(body)/2])
			_ = http.NewResponseController(c.w).Flush()
			panic(http.ErrAbortHandler)
		}
	}}
}

// Malformed carries the call out, and answers with the half of a JSON body as
// if it were the whole.
func Malformed() Kind {
	return Kind{"malformed JSON", func(c *call) {
		a := c.carryOut()
		body := a.body(c.opts)
		c.sendBody(a.code, "application/json", body[:len(body)/2])
	}}
}

// WrongContentType carries the call out, and gives its JSON out as a page of
// HTML.
func WrongContentType() Kind {
	return Kind{"wrong content type", func(c *call) {
		a := c.carryOut()
		c.sendBody(a.code, "text/html; charset=utf-8", a.body(c.opts))
	}}
}

// Endless carries the call out, and answers with a body that has no end: JSON
// that is fine as far as it goes. It ends when the client goes away.
func Endless() Kind {
	return Kind{"endless body", func(c *call) {
		a := c.carryOut()
		if !c.begin(a.code, "application/json", -1) {
			return
		}
		piece := []byte(`{"status":200,"status_description":"Request successful","data":{"records":[`)
		for {
			if _, err := c.w.Write(piece); err != nil {
				panic(http.ErrAbortHandler)
			}
			select {
			case <-c.r.Context().Done():
				panic(http.ErrAbortHandler)
			case <-c.server.Closed():
				panic(http.ErrAbortHandler)
			default:
			}
			piece = []byte(strings.Repeat(`{"type":"TXT","name":"x.","value":"x","ttl":60},`, 256))
		}
	}}
}

// SlowBody carries the call out and begins to answer, but lets the time pass
// before each byte of the body.
func SlowBody(each time.Duration) Kind {
	return Kind{fmt.Sprintf("slow body, %s a byte", each), func(c *call) {
		a := c.carryOut()
		body := a.body(c.opts)
		if !c.begin(a.code, "application/json", len(body)) {
			return
		}
		flusher := http.NewResponseController(c.w)
		_ = flusher.Flush()
		for i := range body {
			if !c.server.Pause(c.r, each) {
				panic(http.ErrAbortHandler)
			}
			if i == len(body)-1 {
				c.land()
			}
			if _, err := c.w.Write(body[i : i+1]); err != nil {
				panic(http.ErrAbortHandler)
			}
			_ = flusher.Flush()
		}
	}}
}

// Redirect answers with the code (302, 307 …) and a Location, which a client
// must not follow with the key if it is at another host. On a server that
// listens in memory every host is the server itself: see Request.Host.
func Redirect(code int, location string) Kind {
	return Kind{fmt.Sprintf("redirect %d", code), func(c *call) {
		c.w.Header().Set("Location", location)
		c.sendBody(code, "text/html; charset=utf-8", nil)
	}}
}

// EmptyRead answers a read of records with none at all; other calls go well.
// (trap 1, O)
func EmptyRead() Kind {
	return alteredRead("empty read", func([]Record) []Record { return []Record{} })
}

// ShortRead answers a read of records with the first half of them; other calls
// go well. (trap 1, O)
func ShortRead() Kind {
	return alteredRead("short read", func(r []Record) []Record { return r[:len(r)/2] })
}

// NullRecords answers a read of records with null for a list; other calls go
// well. (I)
func NullRecords() Kind {
	return alteredRead("null records", func([]Record) []Record { return nil })
}

func alteredRead(name string, alter func([]Record) []Record) Kind {
	return Kind{name, func(c *call) {
		a := c.carryOut()
		if data, ok := a.data.(wireRecords); ok {
			data.Records = alter(data.Records)
			a.data = data
		}
		c.send(a)
	}}
}

// NoDomains answers GET /domains with an empty list; other calls go well. (I)
func NoDomains() Kind {
	return Kind{"no domains", func(c *call) {
		a := c.carryOut()
		if _, ok := a.data.(wireDomains); ok {
			a.data = wireDomains{Domains: []wireDomain{}}
		}
		c.send(a)
	}}
}

// ShortDomains answers GET /domains with the first so many domains alone; other
// calls go well. (?: "no list of domains is known to be cut short; no one has said
// so for long ones either") With Until it is short for a while.
func ShortDomains(n int) Kind {
	return Kind{fmt.Sprintf("%d domains", n), func(c *call) {
		a := c.carryOut()
		if data, ok := a.data.(wireDomains); ok {
			data.Domains = data.Domains[:min(n, len(data.Domains))]
			a.data = data
		}
		c.send(a)
	}}
}

// NotOnAllowList is the 401 for an address that the key does not allow (O, a
// client's test fixture). GET /whoami, made for that trouble, goes well.
func NotOnAllowList() Kind {
	return Kind{"not on the allow-list", func(c *call) {
		if c.request.Op == OpWhoAmI {
			c.send(c.carryOut())
			return
		}
		c.send(failure(http.StatusUnauthorized, sayAddress))
	}}
}

// DNSElsewhere answers as if the domain's nameservers were elsewhere, which one
// client in live use takes for a failure that passes (O). [Server.SetDNSElsewhere]
// is the lasting state, which GET /domains/{domain} shows, too.
func DNSElsewhere() Kind {
	return Kind{"DNS elsewhere", StatusSaying(http.StatusBadRequest, sayDNSElsewhere).play}
}

// DataIsArray carries the call out, and answers with `"data":[]` whatever the data
// is. (?)
func DataIsArray() Kind {
	return reshaped("an array for data", func(any) any { return []struct{}{} })
}

// NoData carries the call out, and answers without data. (?)
func NoData() Kind { return reshaped("no data", func(any) any { return nil }) }

// TextTTL answers a read of records with each TTL as a string; other calls go
// well. (?)
func TextTTL() Kind {
	return reshaped("TTLs in text", func(data any) any {
		zone, ok := data.(wireRecords)
		if !ok {
			return data
		}
		records := []map[string]string{}
		for _, r := range zone.Records {
			records = append(records, map[string]string{"type": r.Type, "name": r.Name, "value": r.Value, "ttl": strconv.Itoa(r.TTL)})
		}
		return map[string]any{"domain": zone.Domain, "records": records}
	})
}

// TextDomains answers GET /domains with names in place of objects; other calls go
// well. (?)
func TextDomains() Kind {
	return reshaped("domains in text", func(data any) any {
		list, ok := data.(wireDomains)
		if !ok {
			return data
		}
		names := []string{}
		for _, d := range list.Domains {
			names = append(names, d.Domain)
		}
		return map[string]any{"domains": names}
	})
}

// reshaped is a success whose data has another shape than that of this API.
func reshaped(name string, alter func(data any) any) Kind {
	return Kind{name, func(c *call) {
		a := c.carryOut()
		if !a.failed() {
			a.data = alter(a.data)
		}
		c.send(a)
	}}
}
