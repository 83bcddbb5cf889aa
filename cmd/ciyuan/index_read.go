package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/extract"
)

const (
	// racyTime is how near to the moment of reading a file's time of change may
	// be before a further change could leave both its time and its size as they
	// are: FAT counts in steps of two seconds.
	racyTime = 2 * time.Second

	// textBytes is the largest file that is read at once; a larger one is
	// streamed.
	textBytes = 256 << 10

	// badLines is how many bad lines of one file are reported one by one.
	badLines = 5
)

// formats of --format.
const (
	formatAuto  = "auto"
	formatText  = "text"
	formatJSONL = "jsonl"
)

// A reading turns the files of a plan into documents of the index.
type reading struct {
	con      *console
	db       *ciyuan.DB
	plan     *plan
	format   string
	force    bool
	progress *progress

	next    int               // job
	current string            // what is being read, for messages
	failed  error             // why the body of a file could not be read to its end
	doomed  map[string]string // id -> name of its file: deleted at the end
	settled []ciyuan.Document // to be marked as read as a whole after that

	result indexResult
}

// indexResult is what index has done, in documents.
type indexResult struct {
	Added     int     `json:"added"`
	Updated   int     `json:"updated"`
	Deleted   int     `json:"deleted"`
	Unchanged int     `json:"unchanged"`
	Skipped   int     `json:"skipped"` // files and folders left out
	Failed    int     `json:"failed"`  // files, and lines of JSON, that could not be read
	Words     int     `json:"words"`   // of what was added or updated
	Bytes     int64   `json:"bytes"`   // its text
	TookMS    float64 `json:"took_ms"`
}

func (r *reading) warn(format string, args ...any) {
	r.progress.clear()
	r.con.warn(format, args...)
}

// fail counts and reports what could not be read.
func (r *reading) fail(name string, err error) {
	r.result.Failed++
	r.warn("%s: %s", name, plainError(err))
}

// mirror reads what the plan lists and deletes what has gone.
func (r *reading) mirror(ctx context.Context) error {
	r.doomed = map[string]string{}
	for _, l := range r.plan.losses {
		for _, id := range l.ids {
			r.doomed[id] = l.key
		}
	}
	if !r.force {
		if err := r.plan.refusal(r.doomed); err != nil {
			return err
		}
	}
	if err := r.add(ctx, r.documents(ctx), func() bool { return r.next < len(r.plan.jobs) }); err != nil {
		return err
	}
	if len(r.doomed) > 0 {
		// Records that a file has lost were not known before.
		if !r.force {
			if err := r.plan.refusal(r.doomed); err != nil {
				return err
			}
		}
		n, err := r.db.Delete(ctx, slices.Sorted(maps.Keys(r.doomed))...)
		r.result.Deleted += n
		if err != nil {
			return err
		}
	}
	if len(r.settled) == 0 {
		return nil
	}
	_, err := r.db.AddBatch(ctx, func(yield func(ciyuan.Document, error) bool) {
		for _, d := range r.settled {
			if !yield(d, nil) {
				return
			}
		}
	})
	return err
}

// add adds documents, going on behind those that cannot be added as long as
// there are more.
func (r *reading) add(ctx context.Context, docs iter.Seq2[ciyuan.Document, error], more func() bool) error {
	for more() {
		done, err := r.db.AddBatch(ctx, docs)
		r.result.Added += done.Added
		r.result.Updated += done.Updated
		r.result.Unchanged += done.Unchanged
		r.result.Words += done.Words
		r.result.Bytes += done.Bytes
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return err
		case r.failed != nil:
			r.fail(r.current, r.failed)
			r.failed = nil
		case errors.Is(err, ciyuan.ErrOption), errors.Is(err, ciyuan.ErrNoID):
			r.fail(r.current, err)
		default:
			return err
		}
	}
	return nil
}

// documents yields the documents of all files that are still to be read.
func (r *reading) documents(ctx context.Context) iter.Seq2[ciyuan.Document, error] {
	return func(yield func(ciyuan.Document, error) bool) {
		for r.next < len(r.plan.jobs) {
			if err := ctx.Err(); err != nil {
				yield(ciyuan.Document{}, err)
				return
			}
			j := &r.plan.jobs[r.next]
			r.next++
			r.current = r.plan.place.show(j.key)
			if !r.read(j, yield) {
				return
			}
			r.progress.add(1, 0)
		}
		r.progress.enter("writing", 0, 0, "")
	}
}

func (r *reading) read(j *job, yield func(ciyuan.Document, error) bool) bool {
	if r.format == formatJSONL || r.format == formatAuto && extract.FormatOf(j.entry.Path) == extract.JSONL {
		return r.readRecords(j, yield)
	}
	opts := extract.ReadOptions{}
	if r.format == formatText && extract.FormatOf(j.entry.Path) == extract.JSONL {
		opts = extract.ReadOptions{Format: extract.Code, Set: true}
	}
	return r.readText(j, opts, yield)
}

// open opens a file; nil with the reason reported or noted where that cannot be
// done.
func (r *reading) open(j *job, opts extract.ReadOptions) *extract.Document {
	doc, err := extract.Open(j.entry.Path, opts)
	if err == nil {
		return doc
	}
	r.progress.add(0, j.entry.Size)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Deleted since the folder was listed: the next run sees it.
		r.result.Skipped++
	case (errors.Is(err, extract.ErrBinary) || errors.Is(err, extract.ErrNotRegular)) && !j.named:
		r.result.Skipped++
		if j.known != nil {
			for _, id := range j.known.ids {
				r.doomed[id] = j.key
			}
		}
	default:
		r.fail(r.current, err)
	}
	return nil
}

// sourceOf returns where a document comes from, marked as read as a whole unless
// the file could still change unseen.
func sourceOf(j *job, doc *extract.Document) ciyuan.Source {
	s := ciyuan.Source{Path: j.key, Size: doc.Size, ModTime: doc.ModTime}
	if time.Since(doc.ModTime).Abs() < racyTime {
		s.ModTime = time.Time{}
	}
	return s
}

// readText reads a file as one document.
func (r *reading) readText(j *job, opts extract.ReadOptions, yield func(ciyuan.Document, error) bool) bool {
	file := r.open(j, opts)
	if file == nil {
		return true
	}
	defer discard(file)
	doc := ciyuan.Document{ID: fileID(j.key), Title: file.Title, Source: sourceOf(j, file)}
	body := &meter{r: file, progress: r.progress}
	if file.Size <= textBytes {
		text, err := file.Text()
		if err != nil {
			r.fail(r.current, err)
			return true
		}
		doc.Text = text
		r.progress.add(0, file.Size)
	} else {
		doc.Body = body
	}
	delete(r.doomed, doc.ID)
	if j.known.records(j.key) {
		// It was a file of records. Until they are deleted it counts as not
		// read.
		for _, id := range j.known.ids {
			if id != doc.ID {
				r.doomed[id] = j.key
			}
		}
		if !doc.Source.ModTime.IsZero() && doc.Body == nil {
			r.settled = append(r.settled, doc)
		}
		doc.Source.ModTime = time.Time{}
	}
	if !yield(doc, nil) {
		r.failed = body.err
		return false
	}
	return true
}

// readRecords reads a file of JSON Lines. The last record carries the time of
// the file, and only if all of it could be read and nothing is left over from
// an earlier state: a run that is cut short makes the next one read it again.
func (r *reading) readRecords(j *job, yield func(ciyuan.Document, error) bool) bool {
	file := r.open(j, extract.ReadOptions{Format: extract.Code, Set: true})
	if file == nil {
		return true
	}
	defer discard(file)
	src := sourceOf(j, file)
	whole := true
	bad, again := 0, 0
	var last *ciyuan.Document
	for rec, err := range extract.Records(&meter{r: file, progress: r.progress}, 0) {
		if errors.Is(err, extract.ErrJSONL) && last == nil && bad == 0 && r.format == formatAuto && !j.named && !j.known.records(j.key) {
			// Other JSON than ours, such as a log.
			return r.readText(j, extract.ReadOptions{Format: extract.Code, Set: true}, yield)
		}
		if errors.Is(err, extract.ErrJSONL) {
			whole = false
			bad++
			r.result.Failed++
			if bad <= badLines {
				r.warn("%s: %s", r.current, plainError(err))
			}
			continue
		}
		if err != nil {
			whole = false
			r.fail(r.current, err)
			break
		}
		if last == nil && j.known != nil {
			for _, id := range j.known.ids {
				r.doomed[id] = j.key
			}
		} else if last != nil && !yield(*last, nil) {
			r.spare(j)
			return false
		}
		last = &ciyuan.Document{
			ID: rec.ID, Title: rec.Title, Text: rec.Text, Meta: rec.Meta,
			Source: ciyuan.Source{Path: j.key, Size: file.Size},
		}
		if other, ok := r.plan.records[rec.ID]; ok && other != j.key && r.doomed[rec.ID] == "" {
			again++
		}
		r.plan.records[rec.ID] = j.key
		delete(r.doomed, rec.ID)
	}
	if bad > badLines {
		r.warn("%s: %d more bad lines", r.current, bad-badLines)
	}
	if again > 0 {
		r.warn("%s: %s also in another file; the one read last counts", r.current, count(again, "id is", "ids are"))
	}
	switch {
	case !whole:
		r.spare(j)
	case last == nil:
		if j.known != nil {
			for _, id := range j.known.ids {
				r.doomed[id] = j.key
			}
		}
	case !src.ModTime.IsZero() && r.leftOver(j):
		settled := *last
		settled.Source = src
		r.settled = append(r.settled, settled)
	default:
		last.Source = src
	}
	return last == nil || yield(*last, nil)
}

// spare keeps the documents of a file that could not be read as a whole.
func (r *reading) spare(j *job) {
	if j.known == nil {
		return
	}
	for _, id := range j.known.ids {
		if r.doomed[id] == j.key {
			delete(r.doomed, id)
		}
	}
}

// leftOver reports whether documents of a file are going to be deleted.
func (r *reading) leftOver(j *job) bool {
	return j.known != nil && slices.ContainsFunc(j.known.ids, func(id string) bool { return r.doomed[id] == j.key })
}

// A meter counts the bytes read and keeps the error that ended them.
type meter struct {
	r        io.Reader
	progress *progress
	err      error
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.progress.add(0, int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}
