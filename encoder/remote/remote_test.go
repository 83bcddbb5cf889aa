package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "sk-very-secret"

// vectorFor is what the fake server answers for a word.
func vectorFor(word string) []float32 {
	v := make([]float32, 3)
	for i, b := range []byte(word) {
		v[i%3] += float32(b) / 16
	}
	return v
}

// fake is a server whose answers can be spoilt.
type fake struct {
	*httptest.Server
	t        *testing.T
	requests atomic.Int64
	mu       sync.Mutex
	inputs   [][]string
	spoil    func(n int, w http.ResponseWriter, r *http.Request, input []string) bool // reports whether it has answered; n counts from 1
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	n := int(f.requests.Add(1))
	var request struct {
		Model string   `json:"model"`
		Input []string `json:"input"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		f.t.Errorf("request %d: %v", n, err)
	}
	f.mu.Lock()
	f.inputs = append(f.inputs, request.Input)
	f.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/v1/embeddings" || request.Model != "tiny" || r.Header.Get("Authorization") != "Bearer "+secret {
		f.t.Errorf("%s %s with the model %q and the key %q", r.Method, r.URL, request.Model, r.Header.Get("Authorization"))
	}
	if f.spoil != nil && f.spoil(n, w, r, request.Input) {
		return
	}
	fmt.Fprint(w, answerFor(request.Input))
}

func answerFor(words []string) string {
	var data []string
	for i, word := range words {
		v, _ := json.Marshal(vectorFor(word))
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, i, v))
	}
	return `{"object":"list","model":"tiny","data":[` + strings.Join(data, ",") + `]}`
}

// client returns an encoder of the server that notes how long it would wait.
func (f *fake) client(o Options) (*Words, *[]time.Duration) {
	f.t.Helper()
	o.URL, o.Key = f.URL+"#tiny", secret
	w, err := NewWords(o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = w.Close() })
	var mu sync.Mutex
	waits := &[]time.Duration{}
	w.jitter = func() float64 { return 1 }
	w.sleep = func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		*waits = append(*waits, d)
		return ctx.Err()
	}
	return w, waits
}

func wanted(words []string) [][]float32 {
	var out [][]float32
	for _, word := range words {
		out = append(out, vectorFor(word))
	}
	return out
}

func TestWords(t *testing.T) {
	f := newFake(t)
	w, waits := f.client(Options{Batch: 4, Parallel: 3})
	if w.Dim() != 0 || w.Name() != "http:tiny" || len(w.Fingerprint()) != 16 {
		t.Errorf("dimension %d, name %q, fingerprint %q", w.Dim(), w.Name(), w.Fingerprint())
	}
	words := strings.Fields("如何 提高 编程 技能 how to learn programming quickly and well")
	got, err := w.Vectors(context.Background(), words)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted(words), got); diff != "" {
		t.Errorf("vectors (-want +got):\n%s", diff)
	}
	if f.requests.Load() != 3 || w.Dim() != 3 || len(*waits) != 0 {
		t.Errorf("%d requests, dimension %d, waits %v", f.requests.Load(), w.Dim(), *waits)
	}
	if got, err := w.Vectors(context.Background(), nil); err != nil || len(got) != 0 || f.requests.Load() != 3 {
		t.Errorf("no words: %v, %v", got, err)
	}
}

// TestWords_Misbehaviour goes through the ways in which a server can disappoint.
func TestWords_Misbehaviour(t *testing.T) {
	write := func(format string, args ...any) func(int, http.ResponseWriter, *http.Request, []string) bool {
		return func(_ int, w http.ResponseWriter, _ *http.Request, _ []string) bool {
			fmt.Fprintf(w, format, args...)
			return true
		}
	}
	status := func(code int, body string, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	first := func(n int, answer func(http.ResponseWriter)) func(int, http.ResponseWriter, *http.Request, []string) bool {
		return func(i int, w http.ResponseWriter, _ *http.Request, _ []string) bool {
			if i <= n {
				answer(w)
			}
			return i <= n
		}
	}
	hijack := func(answer string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, answer) //nolint:errcheck // a broken connection is what is wanted
			conn.Close()                 //nolint:errcheck // as above
		}
	}
	second := time.Second
	for _, test := range []struct {
		name     string
		spoil    func(int, http.ResponseWriter, *http.Request, []string) bool
		want     error
		message  string
		requests int64
		waits    []time.Duration
	}{
		{"429 and an hour", first(9, status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "3600")), ErrUnavailable, "slow down", 1, nil},
		{"429 with Retry-After", first(1, status(429, "", "Retry-After", "7")), nil, "", 2, []time.Duration{7 * second}},
		{"429 without", first(2, status(429, "")), nil, "", 3, []time.Duration{second / 2, second}},
		{"500, then 503, then well", func(n int, w http.ResponseWriter, _ *http.Request, _ []string) bool {
			if n <= 2 {
				w.WriteHeader([]int{500, 503}[n-1])
			}
			return n <= 2
		}, nil, "", 3, []time.Duration{second / 2, second}},
		{"always 502", first(99, status(502, "<html>bad gateway</html>")), ErrUnavailable, "502 Bad Gateway: <html>bad gateway</html>", 4, []time.Duration{second / 2, second, 2 * second}},
		{"connection closed at once", first(99, hijack("")), ErrUnavailable, "", 4, []time.Duration{second / 2, second, 2 * second}},
		{"connection closed, then well", first(1, hijack("")), nil, "", 2, []time.Duration{second / 2}},
		{"body cut off", first(1, hijack("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"data\":[")), nil, "", 2, []time.Duration{second / 2}},
		{"body always cut off", first(99, hijack("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"data\":[")), ErrUnavailable, "breaks off after 9 bytes", 4, []time.Duration{second / 2, second, 2 * second}},
		{"no HTTP", first(99, hijack("SSH-2.0-OpenSSH_9\r\n")), ErrUnavailable, "malformed", 4, []time.Duration{second / 2, second, 2 * second}},
		{"401", first(99, status(401, `{"error":{"message":"wrong key `+secret+` given"}}`)), ErrRefused, "401 Unauthorized: wrong key *** given", 1, nil},
		{"404", first(99, status(404, `{"error":"no such model"}`)), ErrRefused, "no such model", 1, nil},
		{"400 for every size", first(99, status(400, `{"message":"model is asleep"}`)), ErrRefused, "model is asleep", 2, nil},
		{"redirect", first(99, status(307, "", "Location", "http://elsewhere.example/v1/embeddings?key="+secret)), ErrRefused, "points to http://elsewhere.example/v1/embeddings, which is not followed", 1, nil},
		{"too few vectors", func(_ int, w http.ResponseWriter, _ *http.Request, in []string) bool {
			fmt.Fprint(w, answerFor(in[1:]))
			return true
		}, ErrAnswer, "1 vectors for 2 words", 1, nil},
		{"too many vectors", func(_ int, w http.ResponseWriter, _ *http.Request, in []string) bool {
			fmt.Fprint(w, answerFor(append(in, "more")))
			return true
		}, ErrAnswer, "3 vectors for 2 words", 1, nil},
		{"shuffled", func(_ int, w http.ResponseWriter, _ *http.Request, in []string) bool {
			a, _ := json.Marshal(vectorFor(in[0]))
			b, _ := json.Marshal(vectorFor(in[1]))
			fmt.Fprintf(w, `{"data":[{"index":1,"embedding":%s},{"index":0,"embedding":%s}]}`, b, a)
			return true
		}, nil, "", 1, nil},
		{"without indices", func(_ int, w http.ResponseWriter, _ *http.Request, in []string) bool {
			a, _ := json.Marshal(vectorFor(in[0]))
			b, _ := json.Marshal(vectorFor(in[1]))
			fmt.Fprintf(w, `{"data":[{"embedding":%s},{"embedding":%s}]}`, a, b)
			return true
		}, nil, "", 1, nil},
		{"an index twice", write(`{"data":[{"index":0,"embedding":[1,2,3]},{"index":0,"embedding":[1,2,3]}]}`), ErrAnswer, "index 0", 1, nil},
		{"an index beyond", write(`{"data":[{"index":0,"embedding":[1,2,3]},{"index":2,"embedding":[1,2,3]}]}`), ErrAnswer, "index 2 of 2", 1, nil},
		{"NaN", write(`{"data":[{"index":0,"embedding":[1,NaN,3]},{"index":1,"embedding":[1,2,3]}]}`), ErrAnswer, "", 1, nil},
		{"null for a number", write(`{"data":[{"index":0,"embedding":[1,null,3]},{"index":1,"embedding":[1,2,3]}]}`), ErrAnswer, `number 2 of an embedding is "null"`, 1, nil},
		{"null for a vector", write(`{"data":[{"index":0,"embedding":null},{"index":1,"embedding":[1,2,3]}]}`), ErrAnswer, "no array", 1, nil},
		{"beyond float32", write(`{"data":[{"index":0,"embedding":[1,1e99,3]},{"index":1,"embedding":[1,2,3]}]}`), ErrAnswer, "1e99", 1, nil},
		{"text for a number", write(`{"data":[{"index":0,"embedding":[1,"2",3]},{"index":1,"embedding":[1,2,3]}]}`), ErrAnswer, "number 2", 1, nil},
		{"base64", write(`{"data":[{"index":0,"embedding":"AACAPw=="},{"index":1,"embedding":"AACAPw=="}]}`), ErrAnswer, "no array", 1, nil},
		{"empty vectors", write(`{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`), ErrAnswer, "0 numbers", 1, nil},
		{"another dimension", write(`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[1,2]}]}`), ErrAnswer, "2 numbers, those before had 3", 1, nil},
		{"too many numbers", write(`{"data":[{"index":0,"embedding":[%s1]},{"index":1,"embedding":[1]}]}`, strings.Repeat("1,", maxDim)), ErrAnswer, "more than", 1, nil},
		{"an HTML page", write("<!DOCTYPE html>\n<title>Sign in</title>"), ErrAnswer, "it begins with <!DOCTYPE html> <title>Sign in</title>", 1, nil},
		{"an empty page", write(""), ErrAnswer, "", 1, nil},
		{"an endless page", func(_ int, w http.ResponseWriter, r *http.Request, _ []string) bool {
			block := []byte(strings.Repeat("[", 1<<20))
			for r.Context().Err() == nil {
				if _, err := w.Write(block); err != nil {
					break
				}
			}
			return true
		}, ErrAnswer, "more than 64 MiB", 1, nil},
		{"another object", write(`[1,2,3]`), ErrAnswer, "", 1, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			f.spoil = test.spoil
			w, waits := f.client(Options{Attempts: 4})
			words := []string{"词元", "token"}
			got, err := w.Vectors(context.Background(), words)
			if !errors.Is(err, test.want) || err != nil && test.want == nil {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if err == nil {
				if diff := cmp.Diff(wanted(words), got); diff != "" {
					t.Errorf("vectors (-want +got):\n%s", diff)
				}
			} else {
				if !strings.Contains(err.Error(), test.message) || !strings.Contains(err.Error(), f.URL+"/v1/embeddings") {
					t.Errorf("error %q does not say %q or where", err, test.message)
				}
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells the key: %q", err)
				}
			}
			if n := f.requests.Load(); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
			if diff := cmp.Diff(test.waits, *waits); diff != "" && len(*waits)+len(test.waits) > 0 {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWords_Slow(t *testing.T) {
	f := newFake(t)
	f.spoil = func(_ int, _ http.ResponseWriter, r *http.Request, _ []string) bool {
		<-r.Context().Done()
		return true
	}
	w, _ := f.client(Options{Timeout: 500 * time.Millisecond, Attempts: 2})
	if _, err := w.Vectors(context.Background(), []string{"a"}); !errors.Is(err, ErrUnavailable) || f.requests.Load() != 2 {
		t.Errorf("%v after %d requests", err, f.requests.Load())
	}
	w, _ = f.client(Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := w.Vectors(ctx, []string{"a", "b"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWords_NobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := NewWords(Options{URL: "http://" + address + "/v1/?token=" + secret, Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	w.sleep = func(context.Context, time.Duration) error { return nil }
	_, err = w.Vectors(context.Background(), []string{"a"})
	if !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), secret) || strings.Contains(w.Name(), secret) {
		t.Errorf("%v, name %s", err, w.Name())
	}
}

// TestWords_TooLarge halves a request until the server takes it.
func TestWords_TooLarge(t *testing.T) {
	f := newFake(t)
	f.spoil = func(_ int, w http.ResponseWriter, _ *http.Request, input []string) bool {
		if len(input) > 3 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		return len(input) > 3
	}
	w, _ := f.client(Options{Batch: 16})
	words := strings.Fields("a b c d e f g h i j")
	got, err := w.Vectors(context.Background(), words)
	if diff := cmp.Diff(wanted(words), got); err != nil || diff != "" {
		t.Errorf("%v, vectors (-want +got):\n%s", err, diff)
	}
}

func TestWords_ZeroVector(t *testing.T) {
	f := newFake(t)
	f.spoil = func(_ int, w http.ResponseWriter, _ *http.Request, _ []string) bool {
		fmt.Fprint(w, `{"data":[{"index":0,"embedding":[0,0,-0.0]},{"index":1,"embedding":[1,2,3]}]}`)
		return true
	}
	w, _ := f.client(Options{})
	got, err := w.Vectors(context.Background(), []string{"a", "b"})
	if diff := cmp.Diff([][]float32{nil, {1, 2, 3}}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestNewWords(t *testing.T) {
	for address, want := range map[string]string{
		"http://localhost:8080":                    "http:localhost:8080/v1/embeddings",
		"http://localhost:8080/":                   "http:localhost:8080/v1/embeddings",
		"https://api.example/v1":                   "http:api.example/v1/embeddings",
		"https://api.example/v1#text-embedding-3":  "http:text-embedding-3",
		"https://api.example/x/embeddings?v=1#a/b": "http:a/b",
	} {
		w, err := NewWords(Options{URL: address})
		if err != nil {
			t.Errorf("%s: %v", address, err)
		} else if w.Name() != want || strings.Contains(w.url.String(), "#") {
			t.Errorf("%s: name %s, want %s; asked at %s", address, w.Name(), want, w.url)
		}
	}
	for _, o := range []Options{
		{URL: ""}, {URL: "localhost:8080"}, {URL: "ftp://host/x"}, {URL: "http://"}, {URL: "http://user:" + secret + "@host/"},
		{URL: "http://host/%zz" + secret}, {URL: "http://host", Key: secret + "\nX: y"},
	} {
		if _, err := NewWords(o); !errors.Is(err, ErrURL) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", o.URL, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "12": 12 * time.Second, "-3": 0, "soon": 0, "99999999999": (1 << 30) * time.Second,
		"Fri, 01 May 2026 12:00:30 GMT": 30 * time.Second, "Fri, 01 May 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func FuzzVector(f *testing.F) {
	for _, seed := range []string{"[1,2.5,-3e-2]", "[]", "[null]", "[1,", `"AAAA"`, "[[1]]", "null", "[ 1 , 2 ]", "[1e99]", "[,]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v vector
		if err := json.Unmarshal(data, &v); err != nil {
			return
		}
		var want []float64
		if err := json.Unmarshal(data, &want); err != nil || len(want) != len(v) {
			t.Fatalf("%q: read as %v, by encoding/json as %v, %v", data, v, want, err)
		}
		for i, x := range v {
			if float64(x) != float64(float32(want[i])) || math.IsInf(float64(x), 0) {
				t.Fatalf("%q: number %d is %v", data, i, x)
			}
		}
	})
}

// FuzzAnswer has a server say anything: what is taken from it are vectors of one
// length with finite numbers, or an error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[0.5,-1]}]}`), 200)
	f.Add([]byte(`[{"embedding":[[1,2],[3,4]]}]`), 200)
	f.Add([]byte(`{"tokens":[{"piece":"a"},{"piece":[228,184,173]}]}`), 200)
	f.Add([]byte(`{"error":{"message":"no"}}`), 429)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		answer := roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 100 + max(0, status)%500, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
		})
		w, err := NewWords(Options{URL: "http://there/v1#tiny", Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		w.http.Transport = answer
		known := func(err error) bool {
			return errors.Is(err, ErrAnswer) || errors.Is(err, ErrRefused) || errors.Is(err, ErrUnavailable)
		}
		vectors, err := w.Vectors(context.Background(), []string{"a", "b"})
		if err != nil && !known(err) {
			t.Fatal(err)
		}
		for _, v := range vectors {
			if len(vectors) != 2 || len(v) == 0 || len(v) != len(vectors[0]) {
				t.Fatalf("%d vectors: %v", len(vectors), vectors)
			}
			for _, x := range v {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					t.Fatalf("not finite: %v", v)
				}
			}
		}
		c, err := NewTokens(Options{URL: "http://there/embedding#tiny", Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		c.http.Transport = answer
		if _, err := c.Encode(context.Background(), "a 中"); err != nil && !known(err) {
			t.Fatal(err)
		}
		var cut pieces
		var said states
		if json.Unmarshal(body, &cut) == nil {
			said = states{{Embedding: make([]vector, len(cut.Tokens))}}
			for i := range cut.Tokens {
				said[0].Embedding[i] = vector{1}
			}
			if _, err := c.join("a 中", &cut, said); err != nil && !known(err) {
				t.Fatal(err)
			}
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
