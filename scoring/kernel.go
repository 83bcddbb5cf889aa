package scoring

// dotRows4Portable is the reference kernel for rows of 4 bits.
func dotRows4Portable(out []float32, rows []uint32, r *Rows, q *Query) {
	for i, row := range rows {
		p := r.row(row)
		body := p[r.groups*scaleBytes:]
		var total float32
		for g := 0; g < r.groups; g += 4 {
			var sums [4]int32
			for pair := 0; pair < 4 && g+pair < r.groups; pair += 2 {
				block := (*[GroupSize]byte)(body[(g+pair)/2*GroupSize:])
				low := (*[GroupSize]int8)(q.values[(g+pair)*GroupSize:])
				high := (*[GroupSize]int8)(q.values[(g+pair+1)*GroupSize:])
				var a, b int32
				for c, packed := range block {
					a += int32(packed&15) * int32(low[c])
					b += int32(packed>>4) * int32(high[c])
				}
				sums[pair] = a - q.bias[g+pair]
				sums[pair+1] = b - q.bias[g+pair+1]
			}
			total += weigh(p, g, r.groups, &sums)
		}
		out[i] = float32(total * q.scale)
	}
}

// dotRows8Portable is the reference kernel for rows of 8 bits.
func dotRows8Portable(out []float32, rows []uint32, r *Rows, q *Query) {
	for i, row := range rows {
		p := r.row(row)
		body := p[r.groups*scaleBytes:]
		var total float32
		for g := 0; g < r.groups; g += 4 {
			var sums [4]int32
			for j := 0; j < 4 && g+j < r.groups; j++ {
				x := (*[GroupSize]byte)(body[(g+j)*GroupSize:])
				y := (*[GroupSize]int8)(q.values[(g+j)*GroupSize:])
				var a int32
				for c, v := range x {
					a += int32(int8(v)) * int32(y[c])
				}
				sums[j] = a
			}
			total += weigh(p, g, r.groups, &sums)
		}
		out[i] = float32(total * q.scale)
	}
}

// weigh multiplies the sums of up to four groups of the row p, from group g on,
// by their scales and adds them in the order of the assembly. The conversions
// forbid the compiler to fuse a product with a sum.
func weigh(p []byte, g, groups int, sums *[4]int32) float32 {
	var product [4]float32
	for j := 0; j < 4 && g+j < groups; j++ {
		product[j] = float32(float32(sums[j]) * scaleAt(p, g+j))
	}
	return (product[0] + product[1]) + (product[2] + product[3])
}

// dotRows16Portable is the reference kernel for rows of 16 bits.
func dotRows16Portable(out []float32, rows []uint32, r *Rows, q *Query) {
	for i, row := range rows {
		p := r.row(row)
		var lanes [GroupSize]float32
		for g := range r.groups {
			x := (*[2 * GroupSize]byte)(p[g*2*GroupSize:])
			y := (*[GroupSize]int8)(q.values[g*GroupSize:])
			for c, v := range y {
				lanes[c] += float32(widen(uint16(x[2*c])|uint16(x[2*c+1])<<8) * float32(v))
			}
		}
		out[i] = float32(float32(sumLanes(&lanes)*halfUnit) * q.scale)
	}
}

// sumLanes adds the sums of the columns of a group in the order of the assembly: the
// four eighths in pairs, the halves of that, then neighbours.
func sumLanes(lanes *[GroupSize]float32) float32 {
	var s [8]float32
	for i := range s {
		s[i] = (lanes[i] + lanes[8+i]) + (lanes[16+i] + lanes[24+i])
	}
	return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]))
}
