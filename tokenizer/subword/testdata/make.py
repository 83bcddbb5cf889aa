"""Makes the three tokenizers of this folder and what the reference library
says of some awkward texts, so that the tests need neither it nor the network.

    pip install tokenizers==0.20.3
    python make.py

The texts are our own.
"""
import json
from tokenizers import Tokenizer, AddedToken, Regex, models, normalizers, pre_tokenizers, processors, trainers

corpus = [
    "The index keeps one vector for each token, and a search compares them one by one.",
    "A tokenizer that disagrees with the model by one piece makes another model of it.",
    "Résumé, naïve and façade are words with accents; Straße has none.",
    "In 1998 there were 3,141 of them, 2.5 % more than the year before.",
    "词元是检索的最小单位，每个词元都有自己的向量。",
    "搜索引擎把文档切成词元，再逐个比较它们的向量。",
    "我们在同一台机器上测量速度，结果写在文档里。",
    "検索エンジンは文書を分割する。가나다라 한국어",
    "func main() { fmt.Println(\"hello, world\") } // don't panic",
]

texts = [
    "", " ", "a", "  two  spaces  ", "\ttab\nline\r\n", "The index keeps one vector.", "THE INDEX", "tokenizers, tokenized",
    "词元是最小单位。", "我在index里找词元", "Résumé naïve FAÇADE", "e\u0301a\u0300\u0323 \u304b\u3099", "한국어 가각", "ﬁne ① Ⅷ ﷺ ㍿",
    "ＦＵＬＬ　ｗｉｄｔｈ", "İstanbul ΑΣ ẞ", "1998 3,141 ½ ٣", "don't we'll I'D 's", "a\u00a0b\u2003c\u2028d\u200be\ufeff", "x\u0000y\ufffdz\u0085w",
    "😀👍🏽👨‍👩‍👧 🇨🇳", "x" * 101, "<mask> [MASK] </s><s> a  <mask>b", "[CLS]x[SEP]", "\u0378\u2e43\u1e95e", "𠀀𪛟𫜵𰀀", "a_b.c@d.e", " \u0301 \u0301x",
    "   ", "hello   world", "ab\u3000 cd", "\u00bd\u00ad\u0600",
]


def special(*names):
    return [AddedToken(n, special=True, normalized=False) for n in names]


def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=420, special_tokens=special("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), show_progress=False))
    cls, sep = t.token_to_id("[CLS]"), t.token_to_id("[SEP]")
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    t.add_tokens([AddedToken("Index", normalized=True, single_word=True)])
    t.enable_truncation(5)
    t.enable_padding(length=9)
    return t


def bpe():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special("<s>", "<pad>", "</s>", "<unk>"), show_progress=False))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return t


def unigram():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(left=False), normalizers.Replace(Regex(" {2,}"), "\u2581")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(corpus, trainers.UnigramTrainer(vocab_size=300, unk_token="<unk>", special_tokens=special("<s>", "<pad>", "</s>", "<unk>"), show_progress=False))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return t


for name, make in (("wordpiece", wordpiece), ("bpe", bpe), ("unigram", unigram)):
    t = make()
    t.save(f"{name}.json", pretty=False)
    t.no_truncation()
    t.no_padding()
    with open(f"{name}.jsonl", "w") as out:
        for text in texts:
            e = t.encode(text)
            bytes_before = [0]
            for c in text:
                bytes_before.append(bytes_before[-1] + len(c.encode()))
            json.dump({
                "text": text,
                "input_ids": e.ids,
                "tokens": [t.id_to_token(i) for i in e.ids],
                "byte_offsets": [[bytes_before[a], bytes_before[b]] for a, b in e.offsets],
                "special_tokens_mask": e.special_tokens_mask,
            }, out)
            out.write("\n")
