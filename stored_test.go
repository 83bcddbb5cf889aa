package ciyuan_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"

	"pgregory.net/rapid"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// storedVectors returns the token vectors of the documents of an index as its file has
// them, which loses something in every grade, by id and in the order of the documents.
func storedVectors(t *rapid.T, db *ciyuan.DB) (rows map[string][]float32, order []string) {
	path := filepath.Join(memoryDir(t), "copy.db")
	if err := db.Backup(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	file, err := store.Open(path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows = map[string][]float32{}
	err = file.View(func(tx *store.Tx) error {
		m, err := tx.VectorMeta()
		if err != nil || m == nil {
			return err
		}
		z, err := index.NewQuantiser(int(m.Dim), index.Grade(m.Grade))
		if err != nil {
			return err
		}
		coder, reader, per := z.NewRowCoder(), tx.VectorReader(), uint32(store.LeadersPerBlock(int(m.LeaderBytes)))
		for doc, err := range tx.Docs(0) {
			if err != nil {
				return err
			}
			// Documents with token vectors have one passage, of the same number.
			record, err := reader.Record(store.PassageID(doc.ID))
			if err != nil {
				return err
			}
			if record == nil {
				continue
			}
			v, err := store.DecodeVectors(record, z.Bytes())
			if err != nil {
				return err
			}
			var vectors []float32
			for i, code := range v.AppendCodes(nil) {
				var leader []byte
				if z.HasLeader() {
					block, err := tx.LeaderBlock(m, code/per)
					if err != nil {
						return err
					}
					leader = block.Rows[int(code%per)*z.LeaderBytes():][:z.LeaderBytes()]
				}
				vectors = coder.Decode(vectors, v.Rows[i*z.Bytes():][:z.Bytes()], leader)
			}
			rows[doc.External], order = vectors, append(order, doc.External)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, order
}

// naiveTokenScore is the definition of the scores of token vectors, in float64: for each
// row of the query the largest similarity, or the mean of all weighed by softmax
// attention or in proportion to what is similar.
func naiveTokenScore(score ciyuan.Score, query, rows []float32, dim int) float64 {
	const temperature = 0.05
	total := 0.0
	for q := range slices.Chunk(query, dim) {
		length := 0.0
		for _, x := range q {
			length += float64(x) * float64(x)
		}
		best, mean, weights := math.Inf(-1), 0.0, 0.0
		for row := range slices.Chunk(rows, dim) {
			z := 0.0
			for i := range q {
				z += float64(q[i]) * float64(row[i]) / math.Sqrt(length)
			}
			weight := math.Exp((z - 1) / temperature)
			if score == ciyuan.ScoreSum {
				weight = max(0, z)
			}
			best, mean, weights = max(best, z), mean+weight*z, weights+weight
		}
		switch {
		case score == ciyuan.ScoreMaxSim:
			total += best
		case weights > 0:
			total += mean / weights
		}
	}
	return total
}

// leastCosine is how near a stored vector of eight columns is to the one that came.
var leastCosine = map[ciyuan.Grade]float64{ciyuan.GradeExact: 0.9995, ciyuan.GradeBalanced: 0.97, ciyuan.GradeCompact: 0.85}

func cosineOfRows(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}
