package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// event is an event of a reply.
func event(text string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\n", text)
}

func finish(reason string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"delta\":{},\"finish_reason\":%q}]}\n\n", reason)
}

// newTestChat returns a client of a server that answers attempt n, from 1, with fn. It
// does not wait between attempts, but notes how long it would have.
func newTestChat(t *testing.T, idle time.Duration, fn func(n int, w http.ResponseWriter, r *http.Request)) (chat *Chat, attempts *atomic.Int32, waited *time.Duration) {
	t.Helper()
	attempts, waited = new(atomic.Int32), new(time.Duration)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees when the client goes away
		fn(int(attempts.Add(1)), w, r)
	}))
	chat, err := NewChat(Options{URL: server.URL, Model: "m", Key: "secret", Timeout: idle, Attempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	chat.sleep = func(_ context.Context, d time.Duration) error { *waited += d; return nil }
	t.Cleanup(func() {
		_ = chat.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return chat, attempts, waited
}

func stream(w http.ResponseWriter, parts ...string) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, p := range parts {
		_, _ = io.WriteString(w, p) // the client may be gone
		w.(http.Flusher).Flush()
	}
}

func TestChat_Reply(t *testing.T) {
	const patience = 10 * time.Second
	silent := func(r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
	}
	for _, c := range []struct {
		name     string
		idle     time.Duration
		answer   func(n int, w http.ResponseWriter, r *http.Request)
		text     string
		err      error
		says     string
		attempts int
	}{
		{"a stream", patience, func(_ int, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer secret" {
				w.WriteHeader(http.StatusTeapot)
			}
			stream(w, ": ping\n\n", "event: x\n", event("一"), "data: {\"choices\":[]}\n\n", event("二"), finish("stop"), "data: [DONE]\n\n")
		}, "一二", nil, "", 1},
		{"a stream that only says that it is done", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			stream(w, event("a"), "data: [DONE]\n")
		}, "a", nil, "", 1},
		{"no stream", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"choices":[{"message":{"role":"assistant","content":"whole"},"finish_reason":"stop"}]}`)
		}, "whole", nil, "", 1},
		{"nothing more behind the end", 100 * time.Millisecond, func(_ int, w http.ResponseWriter, r *http.Request) {
			stream(w, event("a"), finish("stop"))
			silent(r)
		}, "a", nil, "", 1},
		{"busy, then not", patience, func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			if n == 2 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			stream(w, event("a"), finish("stop"))
		}, "a", nil, "", 3},
		{"always 500", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error":{"message":"secret is broken"}}`)
		}, "", ErrUnavailable, "*** is broken", 3},
		{"a wait that is too long", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "", ErrUnavailable, "24h", 1},
		{"the wrong key", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"no such key: Bearer secret"}`)
		}, "", ErrRefused, "401 Unauthorized: no such key: Bearer ***", 1},
		{"another address", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://example.invalid/")
			w.WriteHeader(http.StatusFound)
		}, "", ErrRefused, "not followed", 1},
		{"it hangs before the reply", 50 * time.Millisecond, func(_ int, _ http.ResponseWriter, r *http.Request) {
			silent(r)
		}, "", ErrUnavailable, "silent for 50ms", 3},
		{"it hangs in the reply", 50 * time.Millisecond, func(_ int, w http.ResponseWriter, r *http.Request) {
			stream(w, event("a"))
			silent(r)
		}, "a", ErrUnavailable, "breaks off after 1 bytes: it is silent", 1},
		{"it ends in the middle", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			stream(w, event("a"), `data: {"choices":[{"delta":{"con`)
		}, "a", ErrUnavailable, "it ends in the middle", 1},
		{"it ends before anything", patience, func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				stream(w, ": ping\n\n")
				return
			}
			stream(w, event("b"), finish("stop"))
		}, "b", nil, "", 2},
		{"the connection breaks", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			stream(w, event("a"))
			panic(http.ErrAbortHandler)
		}, "a", ErrUnavailable, "breaks off after 1 bytes", 1},
		{"no JSON", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			stream(w, event("a"), "data: <html>\n\n")
		}, "a", ErrAnswer, "it begins with <html>", 1},
		{"a page instead", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>secret</html>")
		}, "", ErrAnswer, "<html>***</html>", 1},
		{"an error in the stream", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			stream(w, event("a"), "data: {\"error\":{\"message\":\"out of memory\"}}\n\n")
		}, "a", ErrAnswer, "out of memory", 1},
		{"cut by its length", patience, func(_ int, w http.ResponseWriter, _ *http.Request) {
			stream(w, event("a"), finish("length"))
		}, "a", ErrAnswer, "cut", 1},
		{"an event without end", patience, func(_ int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: ")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<12)); err != nil {
					return
				}
			}
		}, "", ErrAnswer, "an event of more than 64 kiB", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chat, attempts, waited := newTestChat(t, c.idle, c.answer)
			var got strings.Builder
			err := chat.Reply(t.Context(), []Message{{"user", "?"}}, func(piece string) error {
				got.WriteString(piece)
				return nil
			})
			if got.String() != c.text || !errors.Is(err, c.err) || err != nil && c.err == nil {
				t.Errorf("%q, %v; want %q, %v", got.String(), err, c.text, c.err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("error %q, want %q in it and not the key", err, c.says)
			}
			if int(attempts.Load()) != c.attempts {
				t.Errorf("%d attempts, want %d", attempts.Load(), c.attempts)
			}
			if c.name == "busy, then not" && *waited < 7*time.Second {
				t.Errorf("waited %v where 7 s were asked for", *waited)
			}
		})
	}
}

func TestChat_Endless(t *testing.T) {
	chat, _, _ := newTestChat(t, 10*time.Second, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, event(strings.Repeat("la ", 100))); err != nil {
				return
			}
		}
	})
	bytes := 0
	err := chat.Reply(t.Context(), nil, func(piece string) error { bytes += len(piece); return nil })
	if !errors.Is(err, ErrAnswer) || bytes > maxReply {
		t.Errorf("%v after %d bytes", err, bytes)
	}
}

func TestChat_Cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	chat, attempts, _ := newTestChat(t, 10*time.Second, func(_ int, w http.ResponseWriter, r *http.Request) {
		stream(w, event("a"))
		<-r.Context().Done()
	})
	err := chat.Reply(ctx, nil, func(string) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || attempts.Load() != 1 {
		t.Errorf("%v after %d attempts", err, attempts.Load())
	}
	full := errors.New("full")
	if err := chat.Reply(t.Context(), nil, func(string) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v, want the error of write", err)
	}
}

func TestNewChat(t *testing.T) {
	for address, want := range map[string]string{
		"http://a":                  "http://a/v1/chat/completions",
		"https://a/v1/":             "https://a/v1/chat/completions",
		"http://a/openai/v1/chat":   "http://a/openai/v1/chat",
		"http://a/v1/x?api=secret1": "http://a/v1/x",
	} {
		chat, err := NewChat(Options{URL: address})
		if err != nil || chat.address() != want {
			t.Errorf("%s: %v, %v", address, chat, err)
		}
	}
	for _, bad := range []string{"", "a", "ftp://a", "http://u:secret@a"} {
		if _, err := NewChat(Options{URL: bad}); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzChat_Events(f *testing.F) {
	f.Add(event("a")+finish("stop"), 3)
	f.Add("data: [DONE]\n", 1)
	f.Add("data:{\"choices\":[{\"message\":{\"content\":null}}]}\r\n\r\ndata: {\"error\":1}\n", 100)
	f.Fuzz(func(t *testing.T, text string, _ int) {
		c := &Chat{client: &client{}}
		n := 0
		r := &reply{write: func(piece string) error { n += len(piece); return nil }}
		err := c.events(strings.NewReader(text), r, func() {})
		if n > maxReply || n > len(text) || err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}
