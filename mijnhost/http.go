package mijnhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxBody bounds how much of an answer is read: 4 MiB is a zone of some 30,000
// records, far above what the host's panel can show.
const maxBody = 4 << 20

var errBodyTooLarge = errors.New("the answer is larger than 4 MiB")

// overHTTP is the innermost layer: one attempt, answered whole and judged.
func overHTTP(client *http.Client, baseURL, userAgent, apiKey string) exchange {
	return func(ctx context.Context, c call) (json.RawMessage, error) {
		req, err := http.NewRequestWithContext(ctx, c.method, baseURL+c.path, bytes.NewReader(c.body))
		if err != nil {
			return nil, unreachable(c.op, err)
		}
		req.Header.Set("API-Key", apiKey)
		req.Header.Set("User-Agent", userAgent)
		req.Header.Set("Accept", "application/json")
		if c.body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, unreachable(c.op, err)
		}
		defer resp.Body.Close()
		body, err := readBody(resp.Body)
		if err != nil {
			return nil, unreachable(c.op, err)
		}
		return judge(c.op, resp, body, apiKey)
	}
}

func readBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, errBodyTooLarge
	}
	return body, nil
}

// envelope is the shape of every answer. Status is a number or, in documented
// failures, the string "error".
type envelope struct {
	Status      json.RawMessage `json:"status"`
	Description string          `json:"status_description"`
	Data        json.RawMessage `json:"data"`
}

// judge tells success from failure. Success is HTTP 2xx and a body whose own
// status is absent, 0 or 2xx, for some clients have met a failure inside a 200.
func judge(op Operation, resp *http.Response, body []byte, apiKey string) (json.RawMessage, error) {
	var e envelope
	empty := len(bytes.TrimSpace(body)) == 0
	malformed := !empty && json.Unmarshal(body, &e) != nil
	status := resp.StatusCode
	if isSuccess(status) && !malformed {
		inner, ok := bodyStatus(e.Status)
		if ok {
			return e.Data, nil
		}
		status = inner
	}
	return nil, &Error{
		Op:         op,
		Status:     status,
		Message:    plainWords(e.Description, apiKey),
		Malformed:  malformed,
		retryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
	}
}

// bodyStatus reads the status inside a body that came with a 2xx, and whether it
// means success. A failure that does not name a status in HTTP's range counts as 400.
func bodyStatus(raw json.RawMessage) (status int, ok bool) {
	text := string(bytes.Trim(raw, `"`))
	if text == "" || text == "null" {
		return 0, true
	}
	n, err := strconv.Atoi(text)
	switch {
	case err == nil && (n == 0 || isSuccess(n)):
		return n, true
	case err == nil && n >= 300 && n <= 599:
		return n, false
	default:
		return http.StatusBadRequest, false
	}
}

func isSuccess(status int) bool { return status >= 200 && status <= 299 }

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3).
// It is 0 where the header is absent or unreadable.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(longestCoolDown/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(0, date.Sub(now)), longestCoolDown)
	}
	return 0
}
