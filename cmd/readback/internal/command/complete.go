package command

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// words are values that flags take, with what they mean.
var words = map[string][]cobra.Completion{
	"for":             {"present\tit is there", "absent\tit is gone", "match\tit is as expected"},
	"token":           {"mittwald\tIf-Event-Reached", "vault\tX-Vault-Index", "cosmos\tx-ms-session-token"},
	"request":         {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"},
	"expect-status":   {"200", "201", "204", "2xx", "404", "410"},
	"window":          {"403=\tforbidden", "404=\tnot found", "stale=\tnot yet as expected", "still-there=\tnot yet gone", "behind-token=\tbehind the write's position"},
	"resend":          {"not-sent\tno connection was got", "rate-limited\tanswered 429", "missing-parent\tbelow something just written", "with-key=\tambiguous, for so long"},
	"idempotency-key": {"auto\ta new one"},
	"expect-json":     {"/"},
}

// files are flags whose value is a file, or one behind an @.
var files = map[string]bool{
	"output": true, "cacert": true, "cert": true, "key": true, "unix-socket": true, "upload-file": true,
	"handle-file": true, "report-junit": true,
}

var atFiles = map[string]bool{"header": true, "data": true, "data-binary": true, "data-json": true, "data-urlencode": true, "find-data": true}

// completeValues makes the flags of cmd complete their values.
func completeValues(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		var complete cobra.CompletionFunc
		switch {
		case f.NoOptDefVal != "" || files[f.Name]: // cobra completes files by itself
			return
		case words[f.Name] != nil:
			directive := cobra.ShellCompDirectiveNoFileComp
			if strings.Contains(words[f.Name][0], "=") {
				directive |= cobra.ShellCompDirectiveNoSpace
			}
			complete = cobra.FixedCompletions(words[f.Name], directive)
		case atFiles[f.Name]:
			complete = completeAt
		default:
			complete = cobra.NoFileCompletions
		}
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
	})
}

// completeAt completes the file behind an @.
func completeAt(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, isFile := strings.CutPrefix(typed, "@")
	if !isFile {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, _ := filepath.Glob(strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`).Replace(name) + "*")
	var all []cobra.Completion
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, file := range found {
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			file += "/"
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		all = append(all, "@"+file)
	}
	return all, directive
}
