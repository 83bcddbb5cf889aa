package index

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"
)

// LeaderBlocks gives access to stored leaders, so many to a block: block n holds the
// leaders from n times that number on. It must be safe for concurrent use. The bytes
// are not kept.
type LeaderBlocks interface {
	LeaderBlock(n uint32) (rows []byte, err error)
}

// Leaders are the first n leaders of an index, read from their blocks when they are
// first compared. It is the [Space] of the graph over them; every leader has a vector.
//
// Those that NewLeaders returns are copied into memory, and more can be added; those of
// MapLeaders stay where their blocks are.
//
// Leaders is safe for concurrent use, but for Append and Truncate.
type Leaders struct {
	z      *Quantiser
	n      uint32
	source LeaderBlocks
	arena  *leaderArena
	err    *atomic.Pointer[error]

	// Of MapLeaders, instead of the arena: the first row of each block that was read.
	blocks   []atomic.Pointer[byte]
	perBlock uint32
}

// leaderArena is where leaders lie in memory, side by side.
type leaderArena struct {
	perBlock uint32
	rows     []byte          // LeaderBytes each
	loaded   []atomic.Uint32 // by block: how many of its leaders are here
	whole    atomic.Uint32   // all leaders below are here
	mu       sync.Mutex
}

// NewLeaders returns the first n leaders in blocks of perBlock. source may be nil if n
// is 0.
func NewLeaders(z *Quantiser, n, perBlock uint32, source LeaderBlocks) *Leaders {
	l := &Leaders{z: z, n: n, source: source, arena: &leaderArena{perBlock: perBlock}, err: new(atomic.Pointer[error])}
	l.reserve(n)
	return l
}

// MapLeaders returns the first n leaders in blocks of perBlock, which are read in place:
// what source returns must stay as it is for as long as the Leaders are used. None can be
// added.
func MapLeaders(z *Quantiser, n, perBlock uint32, source LeaderBlocks) *Leaders {
	return &Leaders{
		z: z, n: n, source: source, err: new(atomic.Pointer[error]),
		blocks: make([]atomic.Pointer[byte], (n+perBlock-1)/perBlock), perBlock: perBlock,
	}
}

// reserve makes room for n leaders. Others keep the arena that they have.
func (l *Leaders) reserve(n uint32) {
	a, stride := l.arena, l.z.LeaderBytes()
	if int(n)*stride <= len(a.rows) {
		return
	}
	// Room that nobody uses is memory that the system never gives.
	room := (n + n/4 + 8*a.perBlock) / a.perBlock * a.perBlock
	b := &leaderArena{perBlock: a.perBlock, rows: make([]byte, int(room)*stride), loaded: make([]atomic.Uint32, room/a.perBlock)}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.loaded {
		if have := a.loaded[i].Load(); have > 0 {
			from := i * int(a.perBlock) * stride
			copy(b.rows[from:from+int(have)*stride], a.rows[from:])
			b.loaded[i].Store(have)
		}
	}
	b.advance()
	l.arena = b
}

// advance raises whole to what it can be.
func (a *leaderArena) advance() {
	whole := a.whole.Load()
	for block := whole / a.perBlock; block < uint32(len(a.loaded)); block++ {
		have := a.loaded[block].Load()
		if whole = max(whole, block*a.perBlock+have); have < a.perBlock {
			break
		}
	}
	a.whole.Store(whole)
}

// Len returns the number of leaders.
func (l *Leaders) Len() int { return int(l.n) }

// Has is true: every leader has a vector.
func (l *Leaders) Has(uint32) bool { return true }

// Err returns the first error of reading leaders. Comparing cannot return it: leaders
// that could not be read have the similarity [NoSim].
func (l *Leaders) Err() error {
	if e := l.err.Load(); e != nil {
		return *e
	}
	return nil
}

// load makes sure that a leader is in the arena.
func (l *Leaders) load(code uint32) bool {
	a := l.arena
	if code < a.whole.Load() {
		return true
	}
	block, at := code/a.perBlock, code%a.perBlock
	if a.loaded[block].Load() > at {
		return true
	}
	if err := l.read(block, at); err != nil {
		l.failed(block, err)
		return false
	}
	return true
}

func (l *Leaders) failed(block uint32, err error) {
	err = fmt.Errorf("reading block %d of the leaders: %w", block, err)
	l.err.CompareAndSwap(nil, &err)
}

// find returns the row of a mapped leader, nil after an error.
func (l *Leaders) find(code uint32) *byte {
	block, at := code/l.perBlock, code%l.perBlock
	first := l.blocks[block].Load()
	if first == nil {
		rows, err := l.source.LeaderBlock(block)
		if want := int(min(l.perBlock, l.n-block*l.perBlock)) * l.z.LeaderBytes(); err == nil && len(rows) < want {
			err = fmt.Errorf("%w: %d bytes of leaders, %d are wanted", ErrCorruptGraph, len(rows), want)
		}
		if err != nil {
			l.failed(block, err)
			return nil
		}
		first = &rows[0]
		l.blocks[block].Store(first)
	}
	return (*byte)(unsafe.Add(unsafe.Pointer(first), int(at)*l.z.LeaderBytes()))
}

func (l *Leaders) read(block, at uint32) error {
	a, stride := l.arena, l.z.LeaderBytes()
	rows, err := l.source.LeaderBlock(block)
	if err != nil {
		return err
	}
	n := uint32(len(rows) / stride)
	if n <= at || n > a.perBlock || len(rows)%stride != 0 {
		return fmt.Errorf("%w: %d leaders, at least %d are wanted", ErrCorruptGraph, n, at+1)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	// Those that are here may be in use.
	if have := a.loaded[block].Load(); have < n {
		from := int(block*a.perBlock) * stride
		copy(a.rows[from+int(have)*stride:], rows[int(have)*stride:])
		a.loaded[block].Store(n)
		a.advance()
	}
	return nil
}

// Row returns the row of a leader, which must not be changed; nil after an error, see
// Err.
func (l *Leaders) Row(code uint32) []byte {
	row := l.address(code)
	if row == nil {
		return nil
	}
	return unsafe.Slice(row, l.z.LeaderBytes())
}

// Append adds a leader and returns its code.
func (l *Leaders) Append(row []byte) uint32 {
	code := l.n
	l.reserve(code + 1)
	a := l.arena
	copy(a.rows[int(code)*l.z.LeaderBytes():], row)
	// The leaders of the block in front of it have to be here as well.
	if at := code % a.perBlock; at > 0 && !l.load(code-1) {
		return code
	}
	a.loaded[code/a.perBlock].Store(code%a.perBlock + 1)
	if a.whole.Load() == code {
		a.whole.Store(code + 1)
	}
	l.n++
	return code
}

// Truncate takes the leaders from n on away again, before anybody else has seen them.
func (l *Leaders) Truncate(n uint32) {
	a := l.arena
	for block := n / a.perBlock; block < uint32(len(a.loaded)) && block*a.perBlock < l.n; block++ {
		if keep := n - min(n, block*a.perBlock); a.loaded[block].Load() > keep {
			a.loaded[block].Store(keep)
		}
	}
	a.whole.Store(min(n, a.whole.Load()))
	l.n = min(n, l.n)
}

// address returns where the row of a leader begins, nil if it is not there.
func (l *Leaders) address(code uint32) *byte {
	switch {
	case code >= l.n:
		return nil
	case l.blocks != nil:
		return l.find(code)
	case !l.load(code):
		return nil
	}
	return &l.arena.rows[int(code)*l.z.LeaderBytes()]
}

// sims compares p with leaders.
func (l *Leaders) sims(p *LeaderProbe, codes []uint32, out []float32) {
	const piece = 64
	var rows [piece]*byte
	for len(codes) > 0 {
		n := min(piece, len(codes))
		for i, code := range codes[:n] {
			if rows[i] = l.address(code); rows[i] == nil {
				// Only after an error, of which the similarity says enough.
				l.sims(p, codes[:i], out[:i])
				out[i] = NoSim
				l.sims(p, codes[i+1:], out[i+1:])
				return
			}
		}
		p.rowSims(out[:n], rows[:n])
		codes, out = codes[n:], out[n:]
	}
}

// Of returns p as a [Probe] of these leaders.
func (l *Leaders) Of(p *LeaderProbe) Probe { return leaderProbe{l, p} }

// Probe returns a leader prepared as a query.
func (l *Leaders) Probe(code uint32) Probe { return l.Reprobe(nil, code) }

// Reprobe is Probe in the memory of an earlier one.
func (l *Leaders) Reprobe(old Probe, code uint32) Probe {
	p, ok := old.(leaderProbe)
	if !ok {
		p = leaderProbe{l, l.z.NewLeaderProbe()}
	}
	if row := l.Row(code); row != nil {
		p.probe.SetLeader(row)
	}
	return p
}

type leaderProbe struct {
	leaders *Leaders
	probe   *LeaderProbe
}

func (p leaderProbe) Sim(codes []uint32, out []float32) { p.leaders.sims(p.probe, codes, out) }
