package ciyuan

import (
	"github.com/ciyuan-search/ciyuan/store"
)

// A docFilter keeps documents by their fields.
type docFilter struct {
	tx   *store.Tx
	want map[string]string
	doc  store.DocID
	end  store.PassageID
	last bool
	err  error
}

// pass reports whether the document of a passage passes.
func (f *docFilter) pass(p store.PassageID) bool {
	if len(f.want) == 0 {
		return true
	}
	if f.err != nil {
		return false
	}
	if p >= store.PassageID(f.doc) && p < f.end {
		return f.last
	}
	id, doc, err := f.tx.DocOf(p)
	if err != nil {
		f.err = err
		return false
	}
	f.doc, f.end = id, store.PassageID(id)+store.PassageID(doc.Passages)
	f.last = f.matches(doc)
	return f.last
}

func (f *docFilter) matches(d *store.Doc) bool {
	for name, want := range f.want {
		var got string
		switch name {
		case "id":
			got = d.External
		case "title":
			got = d.Title
		case "path":
			got = d.Path
		default:
			got = fields(d.Meta)[name]
		}
		if got != want {
			return false
		}
	}
	return true
}
