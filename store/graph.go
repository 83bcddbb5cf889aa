package store

// GraphNodesPerBlock is the number of codes in a block of bucket graph, and of
// leaders in one of bucket vgraph.
const GraphNodesPerBlock = 64

// GraphBlock returns block no of the graph's nodes, nil if it is not there.
func (tx *Tx) GraphBlock(no uint32) ([]byte, error) {
	key := key32(no)
	return tx.Get(Graph, key[:])
}

// PutGraphBlock stores block no of the graph's nodes.
func (tx *Tx) PutGraphBlock(no uint32, block []byte) error {
	key := key32(no)
	return tx.Put(Graph, key[:], block)
}

// VGraphBlock returns block no of the nodes of the graph of leaders, nil if it is
// not there.
func (tx *Tx) VGraphBlock(no uint32) ([]byte, error) {
	key := key32(no)
	return tx.Get(VGraph, key[:])
}

// PutVGraphBlock stores block no of the nodes of the graph of leaders.
func (tx *Tx) PutVGraphBlock(no uint32, block []byte) error {
	key := key32(no)
	return tx.Put(VGraph, key[:], block)
}

// DropGraph deletes all nodes.
func (tx *Tx) DropGraph() error {
	return tx.each(Graph, nil, func(key, _ []byte) (bool, error) { return true, tx.Delete(Graph, key) })
}
