package ciyuan

// Result is the answer to a query.
type Result struct {
	Query string      `json:"query"`
	Hits  []Hit       `json:"hits"`
	Stats SearchStats `json:"stats"`

	// Suggestions are words of the index that may have been meant, where nothing
	// was found.
	Suggestions []Suggestion `json:"suggestions,omitempty"`
}

// Suggestion names words of the index for a word of the query that it lacks, the
// likeliest first.
type Suggestion struct {
	Query string   `json:"query"`
	Words []string `json:"words"`
}

// Hit is a document that was found, with the passage that it was found by.
type Hit struct {
	Rank  int    `json:"rank"` // from 1
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
	Path  string `json:"path,omitempty"`
	Line  int    `json:"line"` // of the snippet's first match, from 1

	// Score ranks the hits of one query; Relative is the score divided by what
	// the query's words weigh, in [0, 1], and comparable between queries. A boost
	// is in Score alone.
	Score    float64 `json:"score"`
	Relative float64 `json:"relative"`

	// Snippet is the part of the passage with the weightiest matches, on one
	// line; Marks are where they lie in it.
	Snippet string  `json:"snippet"`
	Marks   []Mark  `json:"marks,omitempty"`
	Matches []Match `json:"matches"`

	// Explain says where the score comes from; nil unless asked for.
	Explain *Explanation `json:"explain,omitempty"`
}

// Match is a token of the hit's best passage that a query word attends to.
type Match struct {
	Query      string  `json:"query"`
	Token      string  `json:"token"`
	Similarity float32 `json:"similarity"` // cosine; 1 for the word itself
	Start      int     `json:"start"`      // bytes into the document's text
	End        int     `json:"end"`
}

// SearchStats tell what a search has done.
type SearchStats struct {
	Documents  int     `json:"documents"`            // in the index
	Passages   int     `json:"passages"`             // in the index
	Words      int     `json:"words"`                // distinct words in the index
	Terms      int     `json:"terms"`                // distinct query words
	Conditions int     `json:"conditions,omitempty"` // phrases, required and excluded words and fields
	Neighbors  int     `json:"neighbors"`            // words of the index that stood for them
	Postings   int     `json:"postings"`             // read
	Pending    int     `json:"pending"`              // passages scanned because they are not folded yet
	Candidates int     `json:"candidates"`
	Partial    bool    `json:"partial,omitempty"` // the time budget was used up
	TookMS     float64 `json:"took_ms"`

	// Unknown is how many query words are new to an index that holds its vectors,
	// and have none because it was opened without its encoder.
	Unknown int `json:"unknown,omitempty"`
}
