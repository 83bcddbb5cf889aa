import json
import logging
import sys

import jieba
import jieba.posseg

jieba.setLogLevel(logging.ERROR)
for line in sys.stdin.buffer.read().decode().split("\n"):
    plain = [w for w in jieba.lcut(line, HMM=False) if w.strip()]
    tagged = [(w.word, w.flag) for w in jieba.posseg.lcut(line, HMM=True) if w.word.strip()]
    print(json.dumps({"plain": plain, "hmm": [w for w, _ in tagged], "tags": [t for _, t in tagged]}))
