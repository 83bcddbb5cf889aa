package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// serve starts a server of embeddings and sets the variable URL to its address: serve
// [key]. With a key it takes only requests that have it. The words 狸 and 猫 have nearly
// the same vector, others have nothing to do with each other; "forbidden" is refused.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: serve [key]")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(args) == 1 && r.Header.Get("Authorization") != "Bearer "+args[0] {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":"no such key: %s"}}`, r.Header.Get("Authorization"))
			return
		}
		var request struct {
			Input   []string `json:"input"`
			Content string   `json:"content"`
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		switch r.URL.Path {
		case "/v1/embeddings":
			var data []map[string]any
			for i, word := range request.Input {
				if word == "forbidden" {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				data = append(data, map[string]any{"index": i, "embedding": served(word)})
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"data": data}) // a test notices
		case "/tokenize":
			pieces := []map[string]any{{"id": 0, "piece": "[CLS]"}}
			for _, word := range strings.Fields(request.Content) {
				pieces = append(pieces, map[string]any{"id": 1, "piece": " " + strings.ToLower(word[:1])}, map[string]any{"id": 2, "piece": word[1:]})
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"tokens": pieces})
		case "/embedding":
			states := [][]float64{{9, 9}}
			for i := range 2 * len(strings.Fields(request.Content)) {
				states = append(states, []float64{3, float64(4 * (i % 2))})
			}
			_ = json.NewEncoder(w).Encode([]map[string]any{{"index": 0, "embedding": states}})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("URL", server.URL)
}

func served(word string) []float64 {
	noise := 0.0
	if word == "狸" {
		word, noise = "猫", 0.3
	}
	h := fnv.New64a()
	h.Write([]byte(word))
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	v := make([]float64, 32)
	for i := range v {
		v[i] = rng.NormFloat64() + noise*rng.NormFloat64()
	}
	return v
}
