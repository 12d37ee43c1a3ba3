package password

import (
	_ "embed" // for the list
	"strings"
)

// commonList has the passwords that are guessed first, in lower case, one a
// line, in the order of their bytes. It is searched where it lies, so it costs
// nothing to load. common_LICENSE.txt says where it comes from.
//
//go:embed common.txt
var commonList string

// common tells whether a password in lower case is on the list.
func common(lower string) bool {
	from, to := 0, len(commonList) // the lines left to search
	for from < to {
		mid := (from + to) / 2
		start := from + strings.LastIndexByte(commonList[from:mid], '\n') + 1
		end := start + strings.IndexByte(commonList[start:], '\n')
		switch line := commonList[start:end]; {
		case lower == line:
			return true
		case lower < line:
			to = start
		default:
			from = end + 1
		}
	}
	return false
}
