package modelcard

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLicense(t *testing.T) {
	for text, want := range map[string]string{
		"---\nlicense: \"mit\"\n---":        "mit",
		"---\r\nlicense: apache-2.0\r\n---": "apache-2.0",
		"# no header\nlicense: mit":         "",
		"---\na: b\n---\nlicense: x":        "",
		"":                                  "",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := License(dir); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := License(t.TempDir()); got != "" {
		t.Errorf("a folder without README.md: %q", got)
	}
}
