package ask

import (
	"strings"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// function are English words that no answer begins or ends with.
var function = set("a an the of in on at by for with to from into onto and or but nor so as than then if while although though because since " +
	"is are was were be been being am has have had having do does did will would can could may might shall should must not " +
	"that which who whom whose what when where why how it its he she they them his her their him we our us you your i my me this these those there here " +
	"also only just very more most such no any some each both about over under between through during before after against within without")

// numerals are English words for numbers.
var numerals = set("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty " +
	"thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion half dozen once twice")

// scales go on with a number.
var scales = set("hundred thousand million billion trillion percent % 百 千 万 亿 余 多")

var months = set("january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec")

// timeUnits follow a number in a Chinese date.
var timeUnits = set("年 月 日 号 世纪 年代 时 点 年间 月份 年初 年底 年末 月底 月初 季度")

// unbounded are the parts of speech that no answer begins or ends with: particles,
// conjunctions, prepositions, modal words.
func bound(p tokenizer.POS) bool {
	switch p {
	case tokenizer.U, tokenizer.UD, tokenizer.UG, tokenizer.UJ, tokenizer.UL, tokenizer.UV, tokenizer.UZ,
		tokenizer.C, tokenizer.P, tokenizer.Y, tokenizer.W, tokenizer.WS, tokenizer.E:
		return true
	}
	return false
}
