// Package remote gets vectors from a server: [Words], a vector for each word from
// one that speaks OpenAI's embeddings API, and [Tokens], a vector for each token of a
// text from llama.cpp's own route with pooling none.
//
// Nothing that a server answers is believed: size, number, order, dimension and
// every number of an answer are checked. What may pass (a broken connection, a
// server that is busy or restarts) is tried again, with growing waits that differ
// from client to client, or as long as the server asks for. A key is sent in the
// header of a request, to the host that was named and no other, and appears in no
// name, no error and no index.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Errors of this package; errors.Is finds them through the address wrapped around
// them.
var (
	// ErrURL is returned where an address is no http or https URL, or holds a
	// password.
	ErrURL = errors.New("remote: not the address of an encoder")
	// ErrRefused is returned where the server does not take the request: the key,
	// the model or the route are wrong, or the text is too long for it.
	ErrRefused = errors.New("remote: the server refuses")
	// ErrUnavailable is returned where the server did not answer in all attempts, or
	// asks to wait longer than is sensible.
	ErrUnavailable = errors.New("remote: the server does not answer")
	// ErrAnswer is returned where an answer is not what was asked for.
	ErrAnswer = errors.New("remote: the server's answer cannot be used")
)

// Defaults of Options.
const (
	DefaultTimeout  = time.Minute
	DefaultAttempts = 6
	DefaultBatch    = 128
	DefaultParallel = 4
)

const (
	// maxAnswer bounds an answer in bytes: DefaultBatch vectors of 8,192 numbers take
	// half of it.
	maxAnswer = 64 << 20

	// maxWait is the longest wait that a server may ask for.
	maxWait = 5 * time.Minute

	// maxDim is above every model there is.
	maxDim = 1 << 14
)

// Options say which server is asked, and how.
type Options struct {
	// URL is the address, http or https, of the embeddings route. A URL without a
	// path, or with /v1 alone, is completed. What stands behind a # is the model.
	URL string
	// Model is sent with each request, if it is not empty, and goes before the one
	// in the URL.
	Model string
	// Key is sent as "Authorization: Bearer KEY" if it is not empty.
	Key string
	// Timeout is how long one attempt may take. 0 means DefaultTimeout.
	Timeout time.Duration
	// Attempts is how often a request is tried. 0 means DefaultAttempts.
	Attempts int
	// Batch is the largest number of words in a request; it is halved where the
	// server finds a request too large. 0 means DefaultBatch.
	Batch int
	// Parallel is how many requests go on at a time. 0 means DefaultParallel.
	Parallel int
}

// IsTokens reports whether a URL is that of llama.cpp's own route, for [NewTokens],
// and not one for [NewWords].
func IsTokens(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	path := strings.TrimSuffix(u.Path, "/")
	return strings.HasSuffix(path, "/embedding")
}

// client sends requests to one server.
type client struct {
	url      *url.URL
	model    string
	key      string
	attempts int
	http     *http.Client

	sleep  func(ctx context.Context, d time.Duration) error
	jitter func() float64 // in [0, 1)
}

// newClient checks the options.
func newClient(o Options) (*client, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be read as a URL", ErrURL) // the error would print a password
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%w: %q, wanted is http://HOST/PATH or https://HOST/PATH", ErrURL, u.Redacted())
	case u.User != nil:
		return nil, fmt.Errorf("%w: %s holds a user or password", ErrURL, u.Redacted())
	case strings.ContainsAny(o.Key, "\r\n\x00"):
		return nil, fmt.Errorf("%w: the key has more than one line", ErrURL)
	}
	c := &client{url: u, model: o.Model, key: o.Key, attempts: o.Attempts, sleep: sleep, jitter: jitter}
	if c.model == "" {
		c.model = u.Fragment
	}
	u.Fragment, u.RawFragment = "", ""
	timeout := o.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if c.attempts == 0 {
		c.attempts = DefaultAttempts
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = DefaultParallel
	c.http = &http.Client{
		Timeout:   timeout,
		Transport: transport,
		// A redirected POST loses its body or takes the key elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// address returns the URL without its query, for names and errors.
func (c *client) address() string { return c.url.Scheme + "://" + c.url.Host + c.url.Path }

// name names the encoder: by its model or, where none was given, by its address.
func (c *client) name() string {
	if c.model != "" {
		return "http:" + c.model
	}
	return "http:" + c.url.Host + c.url.Path
}

// Close closes connections that wait to be used again.
func (c *client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}
