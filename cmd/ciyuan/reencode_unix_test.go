//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A re-encoding that is killed leaves the index as it was, and the next one goes on
// with what the first has committed.
func TestReEncode_Killed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "notes"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		text := fmt.Sprintf("word%c ", 'a'+i) + strings.Repeat("the quick brown fox\n", 15_000)
		if err := os.WriteFile(filepath.Join(dir, "notes", fmt.Sprintf("%d.txt", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wantOK(t, dir, "index", "notes")
	before := wantOK(t, dir, "search", "wordh")

	var stuck atomic.Bool
	stuck.Store(true)
	waiting, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Input []string `json:"input"`
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Error(err)
		}
		if slices.Contains(request.Input, "fox") && stuck.Load() {
			time.Sleep(2100 * time.Millisecond) // so that the first documents are committed
		}
		if slices.Contains(request.Input, "wordh") && stuck.Load() {
			close(waiting)
			<-release
			return
		}
		var data []map[string]any
		for i, word := range request.Input {
			data = append(data, map[string]any{"index": i, "embedding": served(word)})
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"data": data}); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	defer close(release)

	cmd := exec.Command(programName, "re-encode", "--encoder", server.URL+"#tiny")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-waiting:
	case <-time.After(time.Minute):
		t.Error("the server was not asked for the last document")
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	exitCode(t, cmd.Wait())

	if got := wantOK(t, dir, "search", "wordh"); got != before {
		t.Errorf("a search finds %q, before %q", got, before)
	}
	stuck.Store(false)
	var done struct{ Documents, Resumed int }
	if err := json.Unmarshal([]byte(wantOK(t, dir, "re-encode", "--encoder", server.URL+"#tiny", "--json")), &done); err != nil {
		t.Fatal(err)
	}
	if done.Documents != 8 || done.Resumed == 0 {
		t.Errorf("%+v", done)
	}
	if got := wantOK(t, dir, "check"); got != "ok\n" {
		t.Errorf("check: %s", got)
	}
	if got := wantOK(t, dir, "search", "wordh"); !strings.HasPrefix(got, "notes/7.txt:1:") {
		t.Errorf("a search finds %q", got)
	}
}
