// Command asm generates the AVX2 kernels of package train. The portable kernels
// there say what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes is how many float32s a register holds, unroll how many registers a turn
// of the main loop takes.
const (
	lanes  = 8
	unroll = 4
)

func main() {
	ConstraintExpr("amd64,!noasm,!purego")
	dot()
	step()
	axpy()
	Generate()
}

// loop emits body for unroll registers at a time and then for one at a time,
// where body is given the number of registers and addresses with At.
func loop(name string, n reg.GPVirtual, advance []reg.GPVirtual, body func(registers int)) {
	for _, registers := range []int{unroll, 1} {
		label := name + "One"
		next := name + "Done"
		if registers == unroll {
			label, next = name+"Four", name+"One"
		}
		Label(label)
		CMPQ(n, Imm(uint64(registers*lanes)))
		JL(LabelRef(next))
		body(registers)
		for _, p := range advance {
			ADDQ(Imm(uint64(registers*lanes*4)), p)
		}
		SUBQ(Imm(uint64(registers*lanes)), n)
		JMP(LabelRef(label))
	}
	Label(name + "Done")
}

// at addresses register i behind p.
func at(p reg.Register, i int) Mem { return Mem{Base: p, Disp: i * lanes * 4} }

func dot() {
	TEXT("dotAVX2", NOSPLIT, "func(a, b *float32, n int) float32")
	Doc("dotAVX2 returns the dot product of a and b, n a multiple of 8.")
	Pragma("noescape")
	a, b, n := Load(Param("a"), GP64()).(reg.GPVirtual), Load(Param("b"), GP64()).(reg.GPVirtual), Load(Param("n"), GP64()).(reg.GPVirtual)
	var sums [unroll]reg.VecVirtual
	for i := range sums {
		sums[i] = YMM()
		VXORPS(sums[i], sums[i], sums[i])
	}
	loop("dot", n, []reg.GPVirtual{a, b}, func(registers int) {
		for i := range registers {
			v := YMM()
			VMOVUPS(at(a, i), v)
			VFMADD231PS(at(b, i), v, sums[i])
		}
	})
	VADDPS(sums[0], sums[1], sums[0])
	VADDPS(sums[2], sums[3], sums[2])
	VADDPS(sums[0], sums[2], sums[0])
	high := XMM()
	VEXTRACTF128(Imm(1), sums[0], high)
	low := sums[0].AsX()
	VADDPS(high, low, low)
	VHADDPS(low, low, low)
	VHADDPS(low, low, low)
	VZEROUPPER()
	Store(low, ReturnIndex(0))
	RET()
}

func step() {
	TEXT("stepAVX2", NOSPLIT, "func(e, o, h *float32, n int, by float32)")
	Doc("stepAVX2 adds by*o to e and then by*h to o, n a multiple of 8.")
	Pragma("noescape")
	e, o, h := Load(Param("e"), GP64()).(reg.GPVirtual), Load(Param("o"), GP64()).(reg.GPVirtual), Load(Param("h"), GP64()).(reg.GPVirtual)
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	g := YMM()
	address, err := Param("by").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, g)
	loop("step", n, []reg.GPVirtual{e, o, h}, func(registers int) {
		for i := range registers {
			ev, ov := YMM(), YMM()
			VMOVUPS(at(o, i), ov)
			VMOVUPS(at(e, i), ev)
			VFMADD231PS(ov, g, ev)
			VFMADD231PS(at(h, i), g, ov)
			VMOVUPS(ev, at(e, i))
			VMOVUPS(ov, at(o, i))
		}
	})
	VZEROUPPER()
	RET()
}

func axpy() {
	TEXT("axpyAVX2", NOSPLIT, "func(y, x *float32, n int, a float32)")
	Doc("axpyAVX2 adds a*x to y, n a multiple of 8.")
	Pragma("noescape")
	y, x, n := Load(Param("y"), GP64()).(reg.GPVirtual), Load(Param("x"), GP64()).(reg.GPVirtual), Load(Param("n"), GP64()).(reg.GPVirtual)
	a := YMM()
	address, err := Param("a").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, a)
	loop("axpy", n, []reg.GPVirtual{y, x}, func(registers int) {
		for i := range registers {
			v := YMM()
			VMOVUPS(at(y, i), v)
			VFMADD231PS(at(x, i), a, v)
			VMOVUPS(v, at(y, i))
		}
	})
	VZEROUPPER()
	RET()
}
