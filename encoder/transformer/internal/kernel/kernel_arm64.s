//go:build !noasm && !purego

#include "textflag.h"

// The vector instructions that the assembler has no name for, as their encodings. The
// operands are numbers of vector registers, the destination first.

// MLA adds to the four floats of d those of n times float i of m.
#define MLA(d, n, m, i) WORD $(0x4f801000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// SCALE sets the four floats of d to those of n times float i of m.
#define SCALE(d, n, m, i) WORD $(0x4f809000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// SMLAL and SMLAL2 add to the four int32s of d the lower and the upper four int16s of n
// times int16 i of m, for i of 0 or 1.
#define SMLAL(d, n, m, i) WORD $(0x0f402000 | (i)<<20 | (m)<<16 | (n)<<5 | (d))
#define SMLAL2(d, n, m, i) WORD $(0x4f402000 | (i)<<20 | (m)<<16 | (n)<<5 | (d))

// SXTL and SXTL2 set the int16s of d to the lower and the upper eight int8s of n.
#define SXTL(d, n) WORD $(0x0f08a400 | (n)<<5 | (d))
#define SXTL2(d, n) WORD $(0x4f08a400 | (n)<<5 | (d))

// SCVTF makes floats of the four int32s of d.
#define SCVTF(d) WORD $(0x4e21d800 | (d)<<5 | (d))

// Row r of a tile lies in the registers 8+4r to 11+4r. FMADDS6 adds half a row of the
// panel, in 0 and 1, times float i of each row of a, in 2 to 7.
#define FMADDS6(h, i) \
	MLA(8+2*h, 0, 2, i) \
	MLA(9+2*h, 1, 2, i) \
	MLA(12+2*h, 0, 3, i) \
	MLA(13+2*h, 1, 3, i) \
	MLA(16+2*h, 0, 4, i) \
	MLA(17+2*h, 1, 4, i) \
	MLA(20+2*h, 0, 5, i) \
	MLA(21+2*h, 1, 5, i) \
	MLA(24+2*h, 0, 6, i) \
	MLA(25+2*h, 1, 6, i) \
	MLA(28+2*h, 0, 7, i) \
	MLA(29+2*h, 1, 7, i)

#define STEP(i) \
	VLD1.P 32(R9), [V0.S4, V1.S4] \
	FMADDS6(0, i)                 \
	VLD1.P 32(R9), [V0.S4, V1.S4] \
	FMADDS6(1, i)

// Six rows that begin at the first register, with the distance between them in the
// last one.
#define ROWS(r0, r1, r2, r3, r4, r5, ld) \
	ADD ld, r0, r1 \
	ADD ld, r1, r2 \
	ADD ld, r2, r3 \
	ADD ld, r3, r4 \
	ADD ld, r4, r5

// func tileNEON(c *float32, ldc int, a *float32, lda int, b *float32, k int, bias *float32)
TEXT ·tileNEON(SB), NOSPLIT, $0-56
	MOVD c+0(FP), R11
	MOVD ldc+8(FP), R0
	ROWS(R11, R12, R13, R14, R15, R16, R0)
	MOVD a+16(FP), R2
	MOVD lda+24(FP), R0
	ROWS(R2, R3, R4, R5, R6, R7, R0)
	MOVD b+32(FP), R9
	MOVD k+40(FP), R10
	MOVD bias+48(FP), R0
	CBZ  R0, fromC
	VLD1 (R0), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1 (R0), [V12.S4, V13.S4, V14.S4, V15.S4]
	VLD1 (R0), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1 (R0), [V20.S4, V21.S4, V22.S4, V23.S4]
	VLD1 (R0), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1 (R0), [V28.S4, V29.S4, V30.S4, V31.S4]
	B    four

fromC:
	VLD1 (R11), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1 (R12), [V12.S4, V13.S4, V14.S4, V15.S4]
	VLD1 (R13), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1 (R14), [V20.S4, V21.S4, V22.S4, V23.S4]
	VLD1 (R15), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1 (R16), [V28.S4, V29.S4, V30.S4, V31.S4]

four:
	SUBS   $4, R10
	BLT    rest
	VLD1.P 16(R2), [V2.S4]
	VLD1.P 16(R3), [V3.S4]
	VLD1.P 16(R4), [V4.S4]
	VLD1.P 16(R5), [V5.S4]
	VLD1.P 16(R6), [V6.S4]
	VLD1.P 16(R7), [V7.S4]
	STEP(0)
	STEP(1)
	STEP(2)
	STEP(3)
	B      four

rest:
	ADD $4, R10

one:
	CBZ     R10, done
	FMOVS.P 4(R2), F2
	FMOVS.P 4(R3), F3
	FMOVS.P 4(R4), F4
	FMOVS.P 4(R5), F5
	FMOVS.P 4(R6), F6
	FMOVS.P 4(R7), F7
	STEP(0)
	SUB     $1, R10
	B       one

done:
	VST1 [V8.S4, V9.S4, V10.S4, V11.S4], (R11)
	VST1 [V12.S4, V13.S4, V14.S4, V15.S4], (R12)
	VST1 [V16.S4, V17.S4, V18.S4, V19.S4], (R13)
	VST1 [V20.S4, V21.S4, V22.S4, V23.S4], (R14)
	VST1 [V24.S4, V25.S4, V26.S4, V27.S4], (R15)
	VST1 [V28.S4, V29.S4, V30.S4, V31.S4], (R16)
	RET

// FOURROWS writes four rows, from R4 on, as four floats of each of four columns, to R5.
#define FOURROWS \
	VLD1  (R4), [V0.S4]        \
	ADD   R2, R4               \
	VLD1  (R4), [V1.S4]        \
	ADD   R2, R4               \
	VLD1  (R4), [V2.S4]        \
	ADD   R2, R4               \
	VLD1  (R4), [V3.S4]        \
	ADD   R2, R4               \
	VTRN1 V1.S4, V0.S4, V4.S4  \
	VTRN2 V1.S4, V0.S4, V5.S4  \
	VTRN1 V3.S4, V2.S4, V6.S4  \
	VTRN2 V3.S4, V2.S4, V7.S4  \
	VTRN1 V6.D2, V4.D2, V16.D2 \
	VTRN1 V7.D2, V5.D2, V17.D2 \
	VTRN2 V6.D2, V4.D2, V18.D2 \
	VTRN2 V7.D2, V5.D2, V19.D2 \
	FMOVQ F16, (R5)            \
	FMOVQ F17, 64(R5)          \
	FMOVQ F18, 128(R5)         \
	FMOVQ F19, 192(R5)         \
	ADD   $16, R5

// func transposeNEON(dst *float32, src *float32, ld int, k int)
TEXT ·transposeNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD ld+16(FP), R2
	MOVD k+24(FP), R3

block:
	SUBS $4, R3
	BLT  end
	MOVD R1, R4
	MOVD R0, R5
	FOURROWS
	FOURROWS
	FOURROWS
	FOURROWS
	ADD  $16, R1
	ADD  $256, R0
	B    block

end:
	RET

// PAIR adds two inputs of the 16 outputs, in 4 to 7, times the pair of a row of a.
#define PAIR(row, acc) \
	FMOVS.P 4(row), F0    \
	SMLAL(acc, 4, 0, 0)   \
	SMLAL2(acc+1, 4, 0, 0) \
	SMLAL(acc+2, 5, 0, 0) \
	SMLAL2(acc+3, 5, 0, 0) \
	SMLAL(acc, 6, 0, 1)   \
	SMLAL2(acc+1, 6, 0, 1) \
	SMLAL(acc+2, 7, 0, 1) \
	SMLAL2(acc+3, 7, 0, 1)

// FLOATS writes four outputs of a row: the sum times the factors of the row and of the
// outputs, which are in 0, plus the bias, which is in 1.
#define FLOATS(acc, vacc, factors, i, row) \
	SCALE(4, 0, factors, i)         \
	SCVTF(acc)                      \
	VMOV   V1.B16, V5.B16           \
	VFMLA  V4.S4, vacc.S4, V5.S4    \
	VST1.P [V5.S4], 16(row)

#define QUARTER(q, v0, v1, v2, v3, v4, v5) \
	VLD1.P 16(R19), [V0.S4]       \
	VLD1.P 16(R21), [V1.S4]       \
	FLOATS(8+q, v0, 2, 0, R11)    \
	FLOATS(12+q, v1, 2, 1, R12)   \
	FLOATS(16+q, v2, 2, 2, R13)   \
	FLOATS(20+q, v3, 2, 3, R14)   \
	FLOATS(24+q, v4, 3, 0, R15)   \
	FLOATS(28+q, v5, 3, 1, R16)

#define ZERO(v) VEOR v.B16, v.B16, v.B16

// func tileInt8NEON(c *float32, ldc int, a *int16, lda int, b *int8, pairs int, columns *float32, rows *float32, bias *float32)
TEXT ·tileInt8NEON(SB), NOSPLIT, $0-72
	MOVD c+0(FP), R11
	MOVD ldc+8(FP), R0
	ROWS(R11, R12, R13, R14, R15, R16, R0)
	MOVD a+16(FP), R2
	MOVD lda+24(FP), R0
	ROWS(R2, R3, R4, R5, R6, R7, R0)
	MOVD b+32(FP), R9
	MOVD pairs+40(FP), R10
	MOVD columns+48(FP), R19
	MOVD rows+56(FP), R20
	MOVD bias+64(FP), R21
	ZERO(V8)
	ZERO(V9)
	ZERO(V10)
	ZERO(V11)
	ZERO(V12)
	ZERO(V13)
	ZERO(V14)
	ZERO(V15)
	ZERO(V16)
	ZERO(V17)
	ZERO(V18)
	ZERO(V19)
	ZERO(V20)
	ZERO(V21)
	ZERO(V22)
	ZERO(V23)
	ZERO(V24)
	ZERO(V25)
	ZERO(V26)
	ZERO(V27)
	ZERO(V28)
	ZERO(V29)
	ZERO(V30)
	ZERO(V31)

pair:
	CBZ    R10, sums
	VLD2.P 32(R9), [V0.B16, V1.B16]
	SXTL(4, 0)
	SXTL2(5, 0)
	SXTL(6, 1)
	SXTL2(7, 1)
	PAIR(R2, 8)
	PAIR(R3, 12)
	PAIR(R4, 16)
	PAIR(R5, 20)
	PAIR(R6, 24)
	PAIR(R7, 28)
	SUB    $1, R10
	B      pair

sums:
	VLD1.P 16(R20), [V2.S4]
	FMOVD  (R20), F3
	QUARTER(0, V8, V12, V16, V20, V24, V28)
	QUARTER(1, V9, V13, V17, V21, V25, V29)
	QUARTER(2, V10, V14, V18, V22, V26, V30)
	QUARTER(3, V11, V15, V19, V23, V27, V31)
	RET
