package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestNear_Steps(t *testing.T) {
	for _, test := range []struct {
		cosine float32
		step   int
	}{
		{-1, 0}, {0, 0}, {0.58, 0}, {0.639, 0}, {0.641, 1}, {0.75, 2}, {0.81, 3}, {0.9399, 5}, {0.95, 6}, {1, 6}, {1.01, 6},
	} {
		if got := nearStepOf(test.cosine); got != test.step {
			t.Errorf("%g: step %d, want %d", test.cosine, got, test.step)
		}
	}
	// Every step has a tf of its own, from 1 on, and what is nearer counts more.
	last := float32(0)
	var tfs []uint32
	for step := range NearSteps {
		tf := NearTF(step)
		tfs = append(tfs, tf)
		f := NearFactor(tf)
		if f <= last || f > MaxNearFactor {
			t.Errorf("step %d: factor %g after %g, at most %g", step, f, last, MaxNearFactor)
		}
		last = f
	}
	slices.Sort(tfs)
	if tfs[0] != 1 || tfs[NearSteps-1] != NearSteps || len(slices.Compact(tfs)) != NearSteps {
		t.Errorf("tfs are %v", tfs)
	}
	for _, tf := range []uint32{0, 1, NearSteps + 1, math.MaxUint32} {
		if f := NearFactor(tf); f != 1 {
			t.Errorf("tf %d says nothing, its factor is %g", tf, f)
		}
	}
}

// A row says how near it is to its leader, in every grade.
func TestNear_OfRows(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for _, grade := range []Grade{GradeExact, GradeBalanced, GradeCompact} {
		z, err := NewQuantiser(96, grade)
		if err != nil {
			t.Fatal(err)
		}
		leaders := NewLeaders(z, 0, 8, nil)
		near := NewNear(leaders)
		coder := z.NewRowCoder()
		for range 40 {
			v := unitRow(r, 96)
			rotated := z.Rotate(nil, v)
			code := leaders.Append(appendExact(nil, rotated))
			for _, cosine := range []float64{0.61, 0.67, 0.73, 0.79, 0.85, 0.91, 0.97} { // the middles
				other := mixed(r, v, cosine)
				row := coder.EncodeRotated(nil, z.Rotate(nil, other), leaders.Row(code))
				step, err := near.Step(row, code)
				if err != nil {
					t.Fatal(err)
				}
				if want := int((cosine - nearFirst) / nearWidth); step != want {
					t.Errorf("%v, cosine %g: step %d, want %d", grade, cosine, step, want)
				}
			}
		}
		if grade == GradeExact {
			if _, err := near.Step(make([]byte, z.Bytes()), 40); err == nil {
				t.Error("a leader that is not there has no error")
			}
		}
	}
}

// unitRow returns a random row of length 1.
func unitRow(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	if _, err := Normalize(v, dim); err != nil {
		panic(err)
	}
	return v
}

// mixed returns a row of length 1 with the given cosine to v.
func mixed(r *rand.Rand, v []float32, cosine float64) []float32 {
	u := unitRow(r, len(v))
	dot := 0.0
	for i := range v {
		dot += float64(u[i]) * float64(v[i])
	}
	for i := range u {
		u[i] -= float32(dot) * v[i]
	}
	if _, err := Normalize(u, len(u)); err != nil {
		panic(err)
	}
	for i := range u {
		u[i] = float32(cosine*float64(v[i]) + math.Sqrt(1-cosine*cosine)*float64(u[i]))
	}
	return u
}
