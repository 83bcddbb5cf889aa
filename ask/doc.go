// Package ask answers questions from passages that a search has found: it tells what
// a question asks for ([Parse]), ranks the sentences of passages ([Rank]), finds the
// words of a sentence that answer ([Question.Spans]), and checks the citations of an
// answer that somebody else has written ([Check]). It knows no index: callers bring the
// passages and say which of their tokens stand for words of the question.
//
// All of it is arithmetic on tokens and a few dozen words of Chinese and English, with
// the same weights for both; docs/ranking.md says where these come from.
package ask
