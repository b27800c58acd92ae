package mijnhosttest

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxRequestBody limits how much of a request's body is read. Only a PUT of a large zone comes near it.
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
}

func newCall(s *Server, w http.ResponseWriter, r *http.Request) *call {
	now := time.Now()
	opts := s.Options()
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequestBody)) // a truncated body is malformed JSON
	op, domain := route(r)
	return &call{
		server: s,
		opts:   opts,
		w:      w,
		r:      r,
		due:    now.Add(opts.Latency),
		request: Request{
			Time:   now,
			Op:     op,
			Domain: domain,
			Method: r.Method,
			Host:   r.Host,
			Path:   r.URL.EscapedPath(),
			Key:    r.Header.Get("API-Key"),
			Body:   body,
			Header: r.Header.Clone(),
		},
	}
}

// answer is a response before it is encoded.
type answer struct {
	code        int // HTTP status
	bodyCode    int // status in the body; 0: same as code
	textStatus  bool
	description string
	data        any
}

// envelope is the body of every response. (D)
type envelope struct {
	Status      any    `json:"status"`
	Description string `json:"status_description"`
	Data        any    `json:"data,omitempty"`
}

func success(data any) answer {
	return answer{code: http.StatusOK, description: "Request successful", data: data}
}

// failure has no data, like the response to a write. (O, three sources)
func failure(code int, description string) answer {
	return answer{code: code, description: description}
}

func (a answer) failed() bool { return a.code >= 400 || a.bodyCode >= 400 || a.textStatus }

func (a answer) body(o Options) []byte {
	e := envelope{Status: a.code, Description: a.description, Data: a.data}
	if a.data == nil && o.EmptyData {
		e.Data = []struct{}{}
	}
	if !a.failed() && o.StatusZero {
		e.Status = 0
	}
	if a.bodyCode != 0 {
		e.Status = a.bodyCode
	}
	if a.textStatus || a.failed() && o.StatusText {
		e.Status = "error"
	}
	body, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return body
}

// carryOut executes the call.
func (c *call) carryOut() answer {
	a := c.server.perform(c)
	if !a.failed() && c.opts.Success202 {
		a.code = http.StatusAccepted
	}
	return a
}

// send writes a response once it is due.
func (c *call) send(a answer) {
	c.sendBody(a.code, "application/json", a.body(c.opts))
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
	c.w.Header().Set("Content-Type", contentType)
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
