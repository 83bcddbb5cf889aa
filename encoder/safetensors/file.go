package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan/internal/mapped"
)

const (
	fileName  = "model.safetensors"
	indexName = "model.safetensors.index.json"
	// maxIndexBytes bounds the list of shards, which names each tensor once.
	maxIndexBytes = maxHeaderBytes
)

// File is the tensors of one file, or of all the shards of a model. It is safe
// for concurrent use, except that nothing of it may be used after Close.
type File struct {
	tensors  map[string]Tensor
	metadata map[string]string
	parts    []Part
	files    []*mapped.File
}

// Part is one physical file of a model.
type Part struct {
	Name   string // base name
	Header []byte // the JSON header as it is in the file
	Values []byte // everything behind the header
}

// Open maps the file at path. Errors are ErrFormat and those of the file system.
func Open(path string) (*File, error) {
	f := &File{}
	tensors, metadata, err := f.add(path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	f.tensors, f.metadata = tensors, metadata
	return f, nil
}

// OpenDir maps the weights of a model folder: model.safetensors, or the shards
// that model.safetensors.index.json lists. A folder without either, and an
// index that names a file or a tensor that is not there, give ErrMissing.
func OpenDir(dir string) (*File, error) {
	single := filepath.Join(dir, fileName)
	if _, err := os.Stat(single); err == nil {
		return Open(single)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	shards, err := readIndex(filepath.Join(dir, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s holds neither %s nor %s", ErrMissing, dir, fileName, indexName)
	}
	if err != nil {
		return nil, err
	}
	f := &File{tensors: make(map[string]Tensor), metadata: make(map[string]string)}
	if err := f.addShards(dir, shards); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Parse reads a file that is in memory already. The result refers to data.
func Parse(data []byte) (*File, error) {
	tensors, metadata, header, err := parse(data)
	if err != nil {
		return nil, err
	}
	return &File{tensors: tensors, metadata: metadata, parts: []Part{{Header: header, Values: data[lengthBytes+len(header):]}}}, nil
}

// add maps the file at path, to be unmapped by Close, and returns what it holds.
func (f *File) add(path string) (map[string]Tensor, map[string]string, error) {
	file, err := mapped.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening weights: %w", err)
	}
	f.files = append(f.files, file)
	data := file.Bytes()
	tensors, metadata, header, err := parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	f.parts = append(f.parts, Part{filepath.Base(path), header, data[lengthBytes+len(header):]})
	return tensors, metadata, nil
}

func (f *File) addShards(dir string, shards map[string][]string) error {
	for _, shard := range slices.Sorted(maps.Keys(shards)) {
		tensors, metadata, err := f.add(filepath.Join(dir, shard))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: shard %s: %w", ErrMissing, shard, err)
		}
		if err != nil {
			return err
		}
		maps.Copy(f.metadata, metadata)
		for _, name := range shards[shard] {
			t, ok := tensors[name]
			if !ok {
				return fmt.Errorf("%w: tensor %q is not in %s, where the index says it is", ErrMissing, name, shard)
			}
			f.tensors[name] = t
		}
	}
	return nil
}

// readIndex returns the names of the tensors of each shard.
func readIndex(path string) (map[string][]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxIndexBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrFormat, path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseIndex(path, data)
}

func parseIndex(path string, data []byte) (map[string][]string, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, path, err)
	}
	if len(index.WeightMap) == 0 {
		return nil, fmt.Errorf("%w: %s lists no tensors", ErrMissing, path)
	}
	shards := make(map[string][]string)
	for _, name := range slices.Sorted(maps.Keys(index.WeightMap)) {
		shard := index.WeightMap[name]
		// A shard lies beside its index. A name with a folder in it could make
		// the model read any file of the machine.
		if shard == "" || shard == "." || shard == ".." || strings.ContainsAny(shard, `/\:`) || strings.ContainsRune(shard, 0) {
			return nil, fmt.Errorf("%w: %s names the file %q, which is not a plain file name", ErrFormat, path, shard)
		}
		shards[shard] = append(shards[shard], name)
	}
	return shards, nil
}

// Tensor returns the tensor of that name, false where there is none.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Names returns the names of all tensors in ascending order.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Metadata returns the text values that the header carries, such as
// "format": "pt". Of a sharded model it is those of all shards.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Parts returns the physical files, ascending by name. Their bytes are views.
func (f *File) Parts() []Part { return slices.Clone(f.parts) }

// Close unmaps the files. Tensors and slices that came from them are invalid
// from then on. Closing twice does nothing the second time.
func (f *File) Close() error {
	var errs []error
	for _, m := range f.files {
		errs = append(errs, m.Close())
	}
	f.files, f.tensors, f.parts = nil, nil, nil
	return errors.Join(errs...)
}
