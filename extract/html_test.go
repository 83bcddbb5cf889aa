package extract

import (
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// ¶ stands for the paragraph separator.
func TestNewDocument_HTML(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("<meta charset=gbk><title>夔</title>餮")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, page, title, text string }{
		{"empty", "", "", ""},
		{"plain", "just text & more", "", "just text & more"},
		{
			"page", "<!DOCTYPE html>\n<html><head><title> 词元\n 检索 </title>\n<style>p{}</style><script>\nvar a='<p>';</script></head>\n" +
				"<body><h1>标题</h1><p>第一段&amp;更多。</p><p>第二段。</p></body></html>",
			"词元 检索", "\n\n\n\n\n标题¶第一段&更多。¶第二段。",
		},
		{"first heading", "<h2>no</h2><h1>主 <b>标题</b></h1><h1>no</h1>x", "主 标题", "no¶主 标题¶no¶x"},
		{"inline", "a<b>b</b> <i> c</i>d<a\nhref=x>e</a>", "", "ab cd\ne"},
		{"white space", "  a \t  b\r\n   c<br>d<br/> e ", "", "a b\r\nc¶d¶e"},
		{"table", "<table><tr><td>1<td>2</tr><tr><th> 3 </th><td>4", "", "1\t2¶3\t4"},
		{"pre", "<p>x</p><pre>  a\n   b</pre> c", "", "x¶a\n   b¶c"},
		{"hidden", "a<noscript>x</noscript><svg>x<svg>y</svg>z</svg><template><p>x</template><svg/>b", "", "ab"},
		{"hidden, wrong end", "a</svg></script>b", "", "ab"},
		{"title in svg", "<svg><title>no</title></svg><title>yes</title>x", "yes", "x"},
		{"references for line ends", "a&#10;b&#13;c&nbsp;d&lt;p&gt;", "", "a b c\u00a0d<p>"},
		{"comment", "a<!-- x\n-->b<![CDATA[x]]>c", "", "a\nbc"},
		{"cut off", "a<p", "", "a"},
		{"list", "<ul><li>一<li>二</ul>三", "", "一¶二¶三"},
		{"declared", gbk, "夔", "餮"},
		{"title alone", "<title>a</title><title>b</title>", "a", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc, err := NewDocument(strings.NewReader(test.page), ReadOptions{Format: HTML, Set: true})
			if err != nil {
				t.Fatal(err)
			}
			text, err := doc.Text()
			if err != nil {
				t.Fatal(err)
			}
			text = strings.ReplaceAll(text, "\u2029", "¶")
			if text != test.text || doc.Title != test.title {
				t.Errorf("got title %q, text %q\nwant title %q, text %q", doc.Title, text, test.title, test.text)
			}
		})
	}
}

func TestNewDocument_HTMLTooLong(t *testing.T) {
	page := io.MultiReader(strings.NewReader("<p>a</p><p x='"), io.LimitReader(repeat("x"), maxMarkupBytes+1))
	doc, err := NewDocument(page, ReadOptions{Format: HTML, Set: true})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(doc); !errors.Is(err, ErrTooLong) || string(text) != "a" {
		t.Errorf("%q, %v", text, err)
	}
}

// repeat is an endless reader.
type repeat string

func (r repeat) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}
