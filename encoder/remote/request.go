package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	firstWait = 500 * time.Millisecond // before the second attempt
	mostWait  = 30 * time.Second       // between two, unless the server asks for more
)

// jitter returns a number in [0, 1).
func jitter() float64 { return rand.Float64() }

// sleep waits, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refusal is a status that will be the same the next time.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string {
	if r.text == "" {
		return fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))
	}
	return fmt.Sprintf("%d %s: %s", r.status, http.StatusText(r.status), r.text)
}

func (r *refusal) Unwrap() error { return ErrRefused }

// tooLarge reports whether a smaller request may be taken. Servers answer one that is
// too large with any of these.
func (r *refusal) tooLarge() bool {
	return r.status == http.StatusRequestEntityTooLarge || r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity
}

// passing is an error that may have passed when the request is sent again.
type passing struct {
	err  error
	wait time.Duration // as the server asks for, 0 if it does not
}

func (p *passing) Error() string { return p.err.Error() }
func (p *passing) Unwrap() error { return p.err }

// post sends a request as JSON to the server's path, and again if it fails for a reason
// that may pass, and decodes the answer.
func (c *client) post(ctx context.Context, path string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("remote: %w", err)
	}
	return c.again(ctx, path, func(address string) error { return c.try(ctx, address, body, answer) })
}

// again calls try with the address of a path of the server's until it does not fail for
// a reason that may pass, with growing waits in between.
func (c *client) again(ctx context.Context, path string, try func(address string) error) error {
	u := *c.url
	u.Path, u.RawPath = path, ""
	var err error
	for attempt := 1; ; attempt++ {
		err = try(u.String())
		var later *passing
		if !errors.As(err, &later) {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait := later.wait
		if wait > maxWait {
			err = fmt.Errorf("%w before %v have passed: %w", ErrUnavailable, wait.Round(time.Second), later.err)
			break
		}
		if attempt >= c.attempts {
			err = fmt.Errorf("%w in %d attempts: %w", ErrUnavailable, attempt, later.err)
			break
		}
		// Between a half and the whole of a time that doubles: clients that were
		// turned away together do not come back together.
		grown := min(mostWait, firstWait<<min(attempt-1, 10))
		wait = max(wait, time.Duration((0.5+0.5*c.jitter())*float64(grown)))
		if err := c.sleep(ctx, wait); err != nil {
			return err
		}
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", u.Scheme+"://"+u.Host+u.Path, err)
	}
	return err
}

// request returns a request with a JSON body.
func (c *client) request(ctx context.Context, address string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "ciyuan")
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	return request, nil
}

// try sends a request once.
func (c *client) try(ctx context.Context, address string, body []byte, answer any) error {
	request, err := c.request(ctx, address, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return &passing{err: c.plain(err)}
	}
	defer response.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &passing{err: fmt.Errorf("the answer breaks off after %d bytes: %w", len(data), c.plain(err))}
	case len(data) > maxAnswer:
		return fmt.Errorf("%w: it has more than %d MiB", ErrAnswer, maxAnswer>>20)
	case response.StatusCode != http.StatusOK:
		return c.status(response, data)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("%w: %w: it begins with %s", ErrAnswer, err, c.excerpt(data))
	}
	return nil
}

// status returns the error of an answer that is no success.
func (c *client) status(response *http.Response, data []byte) error {
	r := &refusal{status: response.StatusCode, text: c.message(data)}
	switch response.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &passing{err: errors.New(r.Error()), wait: retryAfter(response.Header.Get("Retry-After"), time.Now())}
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		r.text = "it points to another address, which is not followed"
		if to, err := response.Location(); err == nil {
			r.text = "it points to " + c.excerpt([]byte(to.Scheme+"://"+to.Host+to.Path)) + ", which is not followed"
		}
	}
	return r
}

// retryAfter returns how long a server asks to wait: seconds or a date, 0 for neither.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(0, seconds), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// message returns what an answer says of an error, in one of the forms that are in
// use, else its beginning.
func (c *client) message(data []byte) string {
	var text struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(data, &text) == nil {
		var object struct {
			Message string `json:"message"`
		}
		var plain string
		switch {
		case json.Unmarshal(text.Error, &object) == nil && object.Message != "":
			return c.excerpt([]byte(object.Message))
		case json.Unmarshal(text.Error, &plain) == nil && plain != "":
			return c.excerpt([]byte(plain))
		case text.Message != "":
			return c.excerpt([]byte(text.Message))
		}
	}
	return c.excerpt(data)
}

// excerpt returns the beginning of what a server says as one line, without the key,
// which it may repeat.
func (c *client) excerpt(data []byte) string {
	const most = 200
	text := string(data[:min(len(data), 4<<10)])
	if c.key != "" {
		text = strings.ReplaceAll(text, c.key, "***")
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// plain returns an error of net/http without the URL, whose query may be secret.
func (c *client) plain(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}
