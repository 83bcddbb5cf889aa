package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// chat starts a server of a chat API and sets the variable CHAT to its address: chat
// [key]. With a key it takes only requests that have it. The model of a request is a
// file, whose text is the reply in pieces of some bytes, or a way to misbehave. The
// last request is kept in request.json.
func chat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: chat [key]")
	}
	dir := ts.Getenv("WORK")
	attempts := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attempts++
		body, _ := io.ReadAll(r.Body)
		var request struct {
			Model string `json:"model"`
		}
		if err := json.Unmarshal(body, &request); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_ = os.WriteFile(filepath.Join(dir, "request.json"), body, 0o666) // a test notices
		if len(args) == 1 && r.Header.Get("Authorization") != "Bearer "+args[0] {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":"no such key: %s"}}`, r.Header.Get("Authorization"))
			return
		}
		send := func(text string) bool {
			data, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"delta": map[string]string{"content": text}}}})
			_, err := fmt.Fprintf(w, "data: %s\n\n", data)
			w.(http.Flusher).Flush()
			return err == nil
		}
		hang := func() {
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
		}
		const first = "The canal was opened on 15 August 1914 [1]. "
		if request.Model != "page" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		switch request.Model {
		case "silent":
			hang()
		case "hangs":
			send(first + "And")
			hang()
		case "breaks":
			send(first + "And")
		case "page":
			fmt.Fprint(w, "<html>not here</html>")
		case "endless":
			for r.Context().Err() == nil && send(strings.Repeat("la ", 100)) {
			}
		case "busy":
			if attempts%2 == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			send(first)
			fmt.Fprint(w, "data: [DONE]\n\n")
		default:
			text, err := os.ReadFile(filepath.Join(dir, request.Model))
			if err != nil {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			for runes := []rune(string(text)); len(runes) > 0; runes = runes[min(3, len(runes)):] {
				if !send(string(runes[:min(3, len(runes))])) {
					return
				}
			}
			fmt.Fprint(w, "data: [DONE]\n\n")
		}
	}))
	ts.Defer(func() {
		server.CloseClientConnections()
		server.Close()
	})
	ts.Setenv("CHAT", server.URL)
}
