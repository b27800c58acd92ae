package realtimeregistertest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is how a call fails. Unless its description says otherwise, the call has no effect.
type Kind struct {
	name string
	play func(*call)
}

// String returns the name, which the request log contains.
func (k Kind) String() string { return k.name }

// Status answers with the code and its usual type. (D)
func Status(code int) Kind { return Failure(code, typeFor(code), http.StatusText(code)) }

// Failure answers with the code, type and message. (D: the form)
func Failure(code int, typ, message string) Kind {
	return Kind{strings.TrimSpace(fmt.Sprintf("status %d %s", code, typ)), func(c *call) { c.send(failure(code, typ, message)) }}
}

// EmptyFailure answers with the code and no body. (O: 403)
func EmptyFailure(code int) Kind {
	return Kind{fmt.Sprintf("status %d without a body", code), func(c *call) { c.send(answer{code: code, empty: true}) }}
}

func typeFor(code int) string {
	switch code {
	case http.StatusBadRequest:
		return "ProcessError" // can be transient (D)
	case http.StatusUnauthorized:
		return typeAuthentication
	case http.StatusForbidden:
		return typeAuthorization
	case http.StatusNotFound:
		return typeMissing
	case http.StatusTooManyRequests:
		return typeTooMany
	case http.StatusBadGateway:
		return typeProvider
	case http.StatusServiceUnavailable:
		return typeUnavailable
	default:
		return typeInternal
	}
}

// RateLimited answers 429. (D; Retry-After: ?) If after is nil, Options.RetryAfter applies.
func RateLimited(after RetryAfter) Kind { return statusRetry(http.StatusTooManyRequests, after) }

// Unavailable answers 503. (D)
func Unavailable(after RetryAfter) Kind { return statusRetry(http.StatusServiceUnavailable, after) }

func statusRetry(code int, after RetryAfter) Kind {
	return Kind{fmt.Sprintf("status %d", code), func(c *call) {
		if after == nil && code == http.StatusTooManyRequests && c.opts.RetryAfter > 0 {
			after = InSeconds(c.opts.RetryAfter)
		}
		if after != nil {
			now := time.Now() // when the response is sent
			if c.due.After(now) {
				now = c.due
			}
			c.w.Header().Set("Retry-After", after(now))
		}
		c.send(failure(code, typeFor(code), http.StatusText(code)))
	}}
}

// HTMLPage answers with the code and a proxy's page. (I) With 200 it is a wrong content type.
func HTMLPage(code int) Kind {
	return Kind{fmt.Sprintf("HTML page %d", code), func(c *call) {
		page := fmt.Sprintf("<!DOCTYPE html>\n<html><head><title>%d %s</title></head>"+
			"<body><h1>%[2]s</h1><hr><p>proxy</p></body></html>\n", code, http.StatusText(code))
		c.sendBody(code, "text/html; charset=utf-8", []byte(page))
	}}
}

// OtherShape executes the call, and answers 200 with a JSON value of another shape. (I)
func OtherShape(body string) Kind {
	return Kind{"other shape " + body, func(c *call) {
		c.carryOut()
		c.sendBody(http.StatusOK, "application/json", []byte(body))
	}}
}

// Accepted executes the call, and answers 202 with X-Process-Id. (?)
func Accepted() Kind {
	return Kind{"status 202", func(c *call) {
		a := c.carryOut()
		if a.code == http.StatusOK {
			a.code, a.processID = http.StatusAccepted, "1"
		}
		c.send(a)
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

// DropThenEffect drops the connection. An update takes effect d later. (?)
func DropThenEffect(d time.Duration) Kind {
	return Kind{fmt.Sprintf("drop, effect after %s", d), func(c *call) {
		c.delay = d
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
		body := a.json()
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
		body := a.json()
		c.sendBody(a.code, "application/json", body[:len(body)/2])
	}}
}

// WrongContentType executes the call, and labels its JSON as HTML.
func WrongContentType() Kind {
	return Kind{"wrong content type", func(c *call) {
		a := c.carryOut()
		c.sendBody(a.code, "text/html; charset=utf-8", a.json())
	}}
}

// Endless executes the call, and answers with a body that never ends, valid JSON so far. It ends when the client disconnects.
func Endless() Kind {
	return Kind{"endless body", func(c *call) {
		a := c.carryOut()
		if !c.begin(a.code, "application/json", -1) {
			return
		}
		records := []byte(strings.Repeat(`{"name":"x.example.nl","type":"TXT","content":"x","ttl":60},`, 4096))
		for piece := []byte(`{"id":101,"name":"example.nl","records":[`); ; piece = records {
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
		body := a.json()
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
