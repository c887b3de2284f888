package readbackpgx

import "strings"

// verb returns the first word of a text of SQL in lower case, or its first character if that
// is not a letter, such as a parenthesis. Several says that it may have more than one
// statement. The word is empty if there are only comments, as in a ping of pgx.
func verb(sql string) (word string, several bool) {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f;")
		switch {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
		case strings.HasPrefix(sql, "/*"):
			sql = afterComment(sql)
		default:
			end := strings.IndexFunc(sql, func(r rune) bool {
				return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
			})
			switch {
			case end < 0:
				end = len(sql)
			case end == 0:
				end = 1
			}
			return strings.ToLower(sql[:end]), strings.Contains(strings.TrimRight(sql, " \t\r\n\f;"), ";")
		}
	}
}

// afterComment returns the text after a comment. Comments may be nested.
func afterComment(sql string) string {
	depth := 0
	for i := 0; i+1 < len(sql); i++ {
		switch sql[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return sql[i+1:]
			}
		}
	}
	return ""
}

// ends reports whether any statement of a text may end the transaction in which it runs. An
// END counts only as the first statement, since a later one may end the body of a function.
// An END that did end the transaction is noticed afterwards.
func ends(sql string) bool {
	first := true
	for statement := range strings.SplitSeq(sql, ";") {
		word, _ := verb(statement)
		switch word {
		case "commit", "abort", "prepare":
			return true
		case "end":
			if first {
				return true
			}
		case "rollback":
			if !strings.Contains(strings.ToLower(statement), "to") { // ROLLBACK TO a savepoint does not end it
				return true
			}
		}
		first = first && word == ""
	}
	return false
}
