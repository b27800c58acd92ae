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

// Fault makes some calls fail.
type Fault struct {
	// Kind is how they fail. It is required.
	Kind Kind

	// The calls it applies to: all fields that are set must match. The zero values match every call, including unknown
	// operations.
	Op     Operation
	Method string
	Domain string
	Key    string
	When   func(Request) bool // must not call the Server

	// The first Skip matching calls succeed, and the next Times fail; a Times of zero means all.
	Skip  int
	Times int

	// From and Until limit the fault in time, since its injection. An Until of zero means forever.
	From  time.Duration
	Until time.Duration
}

// faultTable is the injected faults, oldest first.
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

// Inject makes calls fail until remove is called. If several faults match a call, the oldest is applied, and the others
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

// next returns the fault to apply to the request.
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

// Kind is how a call fails. Unless its description says otherwise, the call has no effect.
type Kind struct {
	name string
	play func(*call)
}

// String returns the name, which the request log contains.
func (k Kind) String() string { return k.name }

// Status answers with the code and its usual message. (D: 400, 401, 403, 404, 405, 429, 500)
func Status(code int) Kind { return StatusMessage(code, wordsFor(code)) }

// StatusMessage answers with the code and the message.
func StatusMessage(code int, words string) Kind {
	return Kind{fmt.Sprintf("status %d", code), func(c *call) { c.send(failure(code, words)) }}
}

func wordsFor(code int) string {
	switch code {
	case http.StatusBadRequest: // O: an occasional 400 is transient
		return messageNoAccess
	case http.StatusUnauthorized:
		return messageNoKey
	case http.StatusNotFound:
		return messageNotFound
	case http.StatusMethodNotAllowed:
		return messageNotAllowed
	default:
		return http.StatusText(code)
	}
}

// RetryAfter returns the value of the Retry-After header at the time of the response. nil omits the header.
type RetryAfter func(now time.Time) string

// InSeconds is a Retry-After in seconds, rounded up.
func InSeconds(d time.Duration) RetryAfter {
	return func(time.Time) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
}

// AtDate is a Retry-After as an HTTP date, d after the response, rounded up to a second, the precision of a date.
func AtDate(d time.Duration) RetryAfter {
	return func(now time.Time) string {
		return now.Add(d + time.Second - 1).UTC().Truncate(time.Second).Format(http.TimeFormat)
	}
}

// AsWritten is a Retry-After with exactly that value, for invalid ones.
func AsWritten(value string) RetryAfter { return func(time.Time) string { return value } }

// RateLimited answers 429. (D: the code; O: one client reads Retry-After)
func RateLimited(after RetryAfter) Kind { return statusRetry(http.StatusTooManyRequests, after) }

// Unavailable answers 503.
func Unavailable(after RetryAfter) Kind { return statusRetry(http.StatusServiceUnavailable, after) }

func statusRetry(code int, after RetryAfter) Kind {
	return Kind{fmt.Sprintf("status %d", code), func(c *call) {
		if after != nil {
			// As of the time when the response is sent.
			now := time.Now()
			if c.due.After(now) {
				now = c.due
			}
			c.w.Header().Set("Retry-After", after(now))
		}
		c.send(failure(code, wordsFor(code)))
	}}
}

// HTMLPage answers with the code and a proxy's page. (D: "failures can also arrive as HTML pages from a proxy") With
// 200 it is a wrong content type.
func HTMLPage(code int) Kind {
	return Kind{fmt.Sprintf("HTML page %d", code), func(c *call) {
		page := fmt.Sprintf("<!DOCTYPE html>\n<html><head><title>%d %s</title></head>"+
			"<body><h1>%[2]s</h1><hr><p>proxy</p></body></html>\n", code, http.StatusText(code))
		c.sendBody(code, "text/html; charset=utf-8", []byte(page))
	}}
}

// ErrorInside200 answers HTTP 200 with an error in the body, whose status is a number. (I: "some clients have met HTTP
// 200 with an error in the body")
func ErrorInside200(status int, words string) Kind {
	return Kind{fmt.Sprintf("error %d inside a 200", status), func(c *call) {
		c.send(answer{code: http.StatusOK, bodyCode: status, description: words})
	}}
}

// ErrorTextInside200 answers HTTP 200 with an error in the body, whose status is the string "error". (I)
func ErrorTextInside200(words string) Kind {
	return Kind{`"error" inside a 200`, func(c *call) {
		c.send(answer{code: http.StatusOK, textStatus: true, description: words})
	}}
}

// Hang never answers. It ends when the client disconnects.
func Hang() Kind {
	return Kind{"hang", func(c *call) {
		select {
		case <-c.r.Context().Done():
		case <-c.server.Closed():
		}
		c.drop()
	}}
}

// DropBefore drops the connection before the call takes effect; on TCP it is reset. Go's transport retries a GET on a
// new connection if the dropped one was reused.
func DropBefore() Kind {
	return Kind{"drop before effect", (*call).drop}
}

// DropAfter drops the connection after the call has taken effect.
func DropAfter() Kind {
	return Kind{"drop after effect", func(c *call) {
		c.carryOut()
		c.drop()
	}}
}

// AfterEffect applies k after the call has taken effect: the response is a failure, but the change is made.
func AfterEffect(k Kind) Kind {
	return Kind{k.name + " after effect", func(c *call) {
		c.carryOut()
		k.play(c)
	}}
}

// EffectLater answers 500 at once. The call takes effect d later.
func EffectLater(d time.Duration) Kind {
	return Kind{fmt.Sprintf("effect after %s", d), func(c *call) {
		time.AfterFunc(d, func() { c.carryOut() })
		c.send(failure(http.StatusInternalServerError, wordsFor(http.StatusInternalServerError)))
	}}
}

// Late applies k after a delay of d.
func Late(d time.Duration, k Kind) Kind {
	return Kind{fmt.Sprintf("%s after %s", k.name, d), func(c *call) {
		c.due = c.due.Add(d)
		if !c.server.Pause(c.r, d) {
			c.drop()
			return
		}
		k.play(c)
	}}
}

// Slow executes the call at once, and delays the response by d.
func Slow(d time.Duration) Kind {
	return Kind{fmt.Sprintf("slow by %s", d), func(c *call) {
		c.due = c.due.Add(d)
		c.send(c.carryOut())
	}}
}

// Truncated executes the call, and drops the connection in the middle of the body.
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

// Malformed executes the call, and answers with half of the JSON body, as if it were complete.
func Malformed() Kind {
	return Kind{"malformed JSON", func(c *call) {
		a := c.carryOut()
		body := a.body(c.opts)
		c.sendBody(a.code, "application/json", body[:len(body)/2])
	}}
}

// WrongContentType executes the call, and labels its JSON as HTML.
func WrongContentType() Kind {
	return Kind{"wrong content type", func(c *call) {
		a := c.carryOut()
		c.sendBody(a.code, "text/html; charset=utf-8", a.body(c.opts))
	}}
}

// Endless executes the call, and answers with a body that never ends, valid JSON so far. It ends when the client disconnects.
func Endless() Kind {
	return Kind{"endless body", func(c *call) {
		a := c.carryOut()
		if !c.begin(a.code, "application/json", -1) {
			return
		}
		records := []byte(strings.Repeat(`{"type":"TXT","name":"x.","value":"x","ttl":60},`, 4096))
		for piece := []byte(`{"status":200,"status_description":"Request successful","data":{"records":[`); ; piece = records {
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
		}
	}}
}

// SlowBody executes the call, and pauses before each byte of the body.
func SlowBody(each time.Duration) Kind {
	return Kind{fmt.Sprintf("slow body, %s per byte", each), func(c *call) {
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

// Redirect answers with the code (302, 307 …) and a Location. A client must not follow it to another host with the key.
// An in-memory server answers for every host: see Request.Host.
func Redirect(code int, location string) Kind {
	return Kind{fmt.Sprintf("redirect %d", code), func(c *call) {
		c.w.Header().Set("Location", location)
		c.sendBody(code, "text/html; charset=utf-8", nil)
	}}
}

// EmptyRead answers a read of records with an empty list; other calls succeed. (O)
func EmptyRead() Kind {
	return alteredRead("empty read", func([]Record) []Record { return []Record{} })
}

// ShortRead answers a read of records with the first half of them; other calls succeed. (O)
func ShortRead() Kind {
	return alteredRead("short read", func(r []Record) []Record { return r[:len(r)/2] })
}

// NullRecords answers a read of records with null as the list; other calls succeed. (I)
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

// NoDomains answers GET /domains with an empty list; other calls succeed. (I)
func NoDomains() Kind {
	return Kind{"no domains", func(c *call) {
		a := c.carryOut()
		if _, ok := a.data.(wireDomains); ok {
			a.data = wireDomains{Domains: []wireDomain{}}
		}
		c.send(a)
	}}
}

// ShortDomains answers GET /domains with only the first n domains; other calls succeed. (?: no list is known to be truncated)
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

// NotOnAllowList is the 401 for an address that the key does not allow (O, a client's test fixture). GET /whoami, which
// exists to debug this, succeeds.
func NotOnAllowList() Kind {
	return Kind{"not on the allow-list", func(c *call) {
		if c.request.Op == OpWhoAmI {
			c.send(c.carryOut())
			return
		}
		c.send(failure(http.StatusUnauthorized, messageAddress))
	}}
}

// DNSElsewhere answers as if the domain's nameservers were elsewhere. One client in live use treats this as transient
// (O). [Server.SetDNSElsewhere] is the lasting state, which GET /domains/{domain} shows too.
func DNSElsewhere() Kind {
	return Kind{"DNS elsewhere", StatusMessage(http.StatusBadRequest, messageDNSElsewhere).play}
}

// DataIsArray executes the call, and answers with `"data":[]`. (?)
func DataIsArray() Kind {
	return reshaped("data is an array", func(any) any { return []struct{}{} })
}

// NoData executes the call, and answers without data. (?)
func NoData() Kind { return reshaped("no data", func(any) any { return nil }) }

// TextTTL answers a read of records with TTLs as strings; other calls succeed. (?)
func TextTTL() Kind {
	return reshaped("TTLs are strings", func(data any) any {
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

// TextDomains answers GET /domains with names instead of objects; other calls succeed. (?)
func TextDomains() Kind {
	return reshaped("domains are strings", func(data any) any {
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

// reshaped answers with success, and data of another shape.
func reshaped(name string, alter func(data any) any) Kind {
	return Kind{name, func(c *call) {
		a := c.carryOut()
		if !a.failed() {
			a.data = alter(a.data)
		}
		c.send(a)
	}}
}
