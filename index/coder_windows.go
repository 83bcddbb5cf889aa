package index

// Coder is not there on Windows: see ErrNoCoder.
type Coder struct{}

var _ Graph = (*Coder)(nil)

// NewCoder returns ErrNoCoder.
func NewCoder(*HNSW) (*Coder, error) { return nil, ErrNoCoder }

// Len returns 0.
func (*Coder) Len() int { return 0 }

// Search returns ErrNoCoder.
func (*Coder) Search(Probe, int, int) ([]Neighbor, error) { return nil, ErrNoCoder }
