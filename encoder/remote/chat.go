package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	// maxReply bounds the text of a reply in bytes, and its events together at some
	// hundred times that: a reply of a few sentences has two or three thousand.
	maxReply  = 64 << 10
	maxEvents = 16 << 20

	// replyTokens is how many tokens a reply may have; servers count them in
	// different ways.
	replyTokens = 1024
)

// Chat asks a server that speaks OpenAI's chat completions API for a text. It is safe
// for concurrent use.
type Chat struct {
	*client
	idle time.Duration
}

// Message is a part of a conversation.
type Message struct {
	Role    string `json:"role"` // "system", "user" or "assistant"
	Content string `json:"content"`
}

// NewChat returns a client for a server, which is not asked yet. Options.Timeout is how
// long it may be silent, before its reply and in the middle of it; Batch and Parallel
// have no meaning. A URL without a path, or with /v1 alone, is completed. The error
// wraps [ErrURL].
func NewChat(o Options) (*Chat, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	switch path := strings.TrimSuffix(c.url.Path, "/"); path {
	case "":
		c.url.Path = "/v1/chat/completions"
	case "/v1":
		c.url.Path = path + "/chat/completions"
	}
	chat := &Chat{client: c, idle: c.http.Timeout}
	c.http.Timeout = 0 // a reply may take long, as long as it goes on
	return chat, nil
}

// Reply sends messages and calls write with each piece of the reply's text as it comes.
// The request is sent again if it fails for a reason that may pass and nothing of the
// reply has come yet.
//
// The error wraps [ErrRefused], [ErrUnavailable] or [ErrAnswer] (a reply that is cut,
// too long or no reply), or is that of ctx or of write.
func (c *Chat) Reply(ctx context.Context, messages []Message, write func(piece string) error) error {
	body, err := json.Marshal(struct {
		Model       string    `json:"model,omitempty"`
		Messages    []Message `json:"messages"`
		Stream      bool      `json:"stream"`
		Temperature float64   `json:"temperature"`
		MaxTokens   int       `json:"max_tokens"`
	}{c.model, messages, true, 0, replyTokens})
	if err != nil {
		return fmt.Errorf("remote: %w", err)
	}
	return c.again(ctx, c.url.Path, func(address string) error { return c.stream(ctx, address, body, write) })
}

// errSilent ends a request whose server has said nothing for too long.
var errSilent = errors.New("it is silent")

// stream sends a request once and reads the reply.
func (c *Chat) stream(ctx context.Context, address string, body []byte, write func(string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(c.idle, func() { cancel(errSilent) })
	defer watch.Stop()
	request, err := c.request(ctx, address, body)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream, application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return &passing{err: c.cause(ctx, err)}
	}
	defer response.Body.Close() //nolint:errcheck // only read
	r := &reply{write: write}
	data := io.LimitReader(response.Body, maxEvents)
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode != http.StatusOK:
		text, _ := io.ReadAll(io.LimitReader(data, 64<<10)) // what there is of it
		return c.status(response, text)
	case kind == "text/event-stream":
		err = c.events(data, r, func() { watch.Reset(c.idle) })
	default:
		var text []byte
		if text, err = io.ReadAll(data); err == nil {
			err = c.event(text, r)
			r.done = err == nil
		}
	}
	switch {
	case err == nil && r.done && r.cut:
		return fmt.Errorf("%w: it was cut after %d tokens", ErrAnswer, replyTokens)
	case err == nil && r.done:
		return nil
	case err == nil:
		err = errors.New("it ends in the middle")
	case errors.Is(err, ErrAnswer) || r.failed != nil:
		return err
	default:
		err = c.cause(ctx, err)
	}
	err = fmt.Errorf("the reply breaks off after %d bytes: %w", r.bytes, err)
	if r.bytes > 0 {
		// What has come is written already.
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &passing{err: err}
}

// cause returns why a request failed.
func (c *Chat) cause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return fmt.Errorf("it is silent for %v", c.idle)
	}
	return c.plain(err)
}

// reply is what has come of a reply.
type reply struct {
	write  func(string) error
	failed error // of write
	bytes  int
	done   bool
	cut    bool // by the limit on its tokens
}

// events reads a stream of server-sent events and calls alive at each line.
func (c *Chat) events(in io.Reader, r *reply, alive func()) error {
	lines := bufio.NewReader(in)
	var data []byte
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil // the line goes on
		}
		alive()
		data = append(data, line...)
		if len(data) > maxReply {
			return fmt.Errorf("%w: an event of more than %d kiB", ErrAnswer, maxReply>>10)
		}
		if end := err != nil; end || bytes.HasSuffix(line, []byte("\n")) {
			text, ok := bytes.CutPrefix(bytes.TrimSpace(data), []byte("data:"))
			data = data[:0]
			if text = bytes.TrimSpace(text); ok && string(text) == "[DONE]" {
				r.done = true
				return nil
			} else if ok && len(text) > 0 && !end {
				if err := c.event(text, r); err != nil || r.done {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// event reads one event, or a reply that does not come as a stream.
func (c *Chat) event(data []byte, r *reply) error {
	var e struct {
		Choices []struct {
			Delta   struct{ Content *string }
			Message struct{ Content *string }
			Finish  string `json:"finish_reason"`
		}
		Error json.RawMessage
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("%w: %w: it begins with %s", ErrAnswer, err, c.excerpt(data))
	}
	if len(e.Error) > 0 && string(e.Error) != "null" {
		return fmt.Errorf("%w: %s", ErrAnswer, c.message(data))
	}
	for _, choice := range e.Choices[:min(1, len(e.Choices))] {
		for _, content := range []*string{choice.Delta.Content, choice.Message.Content} {
			if content == nil || *content == "" {
				continue
			}
			if r.bytes += len(*content); r.bytes > maxReply {
				return fmt.Errorf("%w: it has more than %d kiB", ErrAnswer, maxReply>>10)
			}
			if r.failed = r.write(*content); r.failed != nil {
				return r.failed
			}
		}
		r.done = r.done || choice.Finish != ""
		r.cut = r.cut || choice.Finish == "length"
	}
	return nil
}
