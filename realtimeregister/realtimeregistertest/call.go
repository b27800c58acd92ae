package realtimeregistertest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxRequestBody limits how much of a request's body is read.
const maxRequestBody = 16 << 20

// call is one call of the API in progress.
type call struct {
	server  *Server
	opts    Options // the readings when the call arrived
	w       http.ResponseWriter
	r       *http.Request
	request Request
	entry   *Request
	due     time.Time // earliest time of the response
	reader  string    // the client, as Options.Reader identifies it
	staleBy time.Duration
	delay   time.Duration // of the effect, added to Options.EffectDelay
}

func newCall(s *Server, w http.ResponseWriter, r *http.Request) *call {
	now := time.Now()
	opts := s.Options()
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequestBody)) // a truncated body is malformed JSON
	op, zone, name := route(r)
	c := &call{
		server: s,
		opts:   opts,
		w:      w,
		r:      r,
		due:    now.Add(opts.Latency),
		request: Request{
			Time:   now,
			Op:     op,
			Zone:   zone,
			Name:   name,
			Method: r.Method,
			Host:   r.Host,
			Path:   r.URL.EscapedPath(),
			Query:  r.URL.Query(),
			Auth:   r.Header.Get("Authorization"),
			Body:   body,
			Header: r.Header.Clone(),
		},
	}
	c.reader = c.request.Auth
	if opts.Reader != nil {
		c.reader = opts.Reader(c.request)
	}
	return c
}

// answer is a response before it is encoded: zones, or a body.
type answer struct {
	code      int
	processID string
	empty     bool // no body
	body      any
	zones     []*shown
	list      *pagination
}

type pagination struct {
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
	Total  int `json:"total"`
}

// problem is the body of a failure. (D)
type problem struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func failure(code int, kind, message string) answer {
	return answer{code: code, body: problem{kind, message}}
}

func (a answer) json() []byte {
	switch {
	case a.empty:
		return nil
	case a.list != nil:
		var entities [][]byte
		for _, z := range a.zones {
			entities = append(entities, z.json())
		}
		// Not with an encoder, which would change the bytes of records.
		return fmt.Appendf(nil, `{"entities":[%s],"pagination":%s}`, bytes.Join(entities, []byte(",")), encode(a.list))
	case a.zones != nil:
		return a.zones[0].json()
	default:
		return encode(a.body)
	}
}

// carryOut executes the call.
func (c *call) carryOut() answer { return c.server.perform(c) }

// send writes a response once it is due, and notes what the client has now seen of the zones in it.
func (c *call) send(a answer) {
	c.server.remember(c, a.zones)
	if a.processID != "" {
		c.w.Header().Set("X-Process-Id", a.processID) // (D)
	}
	c.sendBody(a.code, "application/json", a.json())
}

func (c *call) sendBody(code int, contentType string, body []byte) {
	if !c.begin(code, contentType, len(body)) {
		return
	}
	c.land()
	_, _ = c.w.Write(body) // the client has disconnected
}

// begin waits until the response is due and writes its head. If it cannot, it drops the connection and returns false. A
// negative length means no Content-Length.
func (c *call) begin(code int, contentType string, length int) bool {
	if !c.server.Pause(c.r, time.Until(c.due)) {
		c.drop()
		return false
	}
	c.server.log.status(c.entry, code)
	if contentType != "" {
		c.w.Header().Set("Content-Type", contentType)
	}
	if length >= 0 {
		c.w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	c.w.WriteHeader(code)
	return true
}

func (c *call) land() { c.server.log.land(c.entry) }

// drop closes the connection. On TCP the client sees a reset.
func (c *call) drop() {
	c.land()
	hijacker, ok := c.w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
