package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const completionHelp = `Writes a script for a shell. To use it from now on:
  bash  standalone completion bash > /etc/bash_completion.d/standalone
  zsh   standalone completion zsh > "${fpath[1]}/_standalone"
  fish  standalone completion fish > ~/.config/fish/completions/standalone.fish`

// shells write what completes command lines, from the table of commands.
var shells = map[string]func(w io.Writer, l []completion){"bash": bash, "zsh": zsh, "fish": fish}

func completionCommands() []command {
	var l []command
	for _, name := range slices.Sorted(maps.Keys(shells)) {
		l = append(l, command{name: name, about: "for " + name, help: completionHelp, setup: func(o *options) action {
			return func(context.Context) error {
				shells[name](o.out, completions(nil, command{sub: commands()}))
				return nil
			}
		}})
	}
	return l
}

// completion is what may come next after some words.
type completion struct {
	path  []string
	words []word
}

type word struct{ text, about string }

// completions goes through all commands.
func completions(path []string, c command) (l []completion) {
	here := completion{path: path}
	for _, x := range c.sub {
		here.words = append(here.words, word{x.name, x.about})
	}
	if c.setup != nil {
		o := newOptions("", stdio{})
		c.setup(o)
		for _, name := range o.names() {
			usage, _, _ := strings.Cut(strings.ReplaceAll(o.Lookup(name).Usage, "`", ""), "\n")
			here.words = append(here.words, word{"-" + name, usage})
		}
	}
	l = append(l, here)
	for _, x := range c.sub {
		l = append(l, completions(append(slices.Clone(path), x.name), x)...)
	}
	return l
}

func (c *completion) texts() string {
	l := make([]string, len(c.words))
	for i, w := range c.words {
		l[i] = w.text
	}
	return strings.Join(l, " ")
}

// fileOptions are followed by the name of a file or folder.
const fileOptions = "-config|-out|-o"

// In a script, the words that are no options name the command: what comes next
// depends on them.
func bash(w io.Writer, l []completion) {
	fmt.Fprintf(w, `# bash completion of standalone
_standalone() {
	local word path= words= cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	case $prev in %s) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in -*) ;; *) path+=" $word" ;; esac
	done
	while :; do
		case $path in
`, fileOptions)
	for _, c := range l {
		fmt.Fprintf(w, "\t\t%q) words=%q; break ;;\n", prefix(c.path), c.texts())
	}
	fmt.Fprint(w, `		esac
		path=${path% *}
	done
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _standalone standalone
`)
}

func prefix(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return " " + strings.Join(path, " ")
}

func zsh(w io.Writer, l []completion) {
	fmt.Fprintf(w, `#compdef standalone
_standalone() {
	local word path_= prev=${words[CURRENT-1]}
	local -a next
	case $prev in %s) _files; return ;; esac
	for word in "${(@)words[2,CURRENT-1]}"; do
		case $word in -*) ;; *) path_+=" $word" ;; esac
	done
	while :; do
		case $path_ in
`, fileOptions)
	for _, c := range l {
		fmt.Fprintf(w, "\t\t%q) next=(", prefix(c.path))
		for _, x := range c.words {
			fmt.Fprintf(w, "\n\t\t\t%s", quote(strings.ReplaceAll(x.text, ":", `\:`)+":"+x.about))
		}
		fmt.Fprint(w, "); break ;;\n")
	}
	fmt.Fprint(w, `		esac
		path_=${path_% *}
	done
	_describe command next
}
_standalone "$@"
`)
}

// quote is a text in single quotes of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func fish(w io.Writer, l []completion) {
	fmt.Fprint(w, `# fish completion of standalone
function __standalone_at
	set -l path
	for word in (commandline -opc)[2..-1]
		string match -q -- '-*' $word; or set -a path $word
	end
	while true
		contains -- "$path" $__standalone_paths; and break
		test (count $path) -eq 0; and break
		set -e path[-1]
	end
	test "$path" = "$argv[1]"
end
`)
	var paths []string
	for _, c := range l {
		paths = append(paths, quote(strings.Join(c.path, " ")))
	}
	fmt.Fprintf(w, "set -g __standalone_paths %s\ncomplete -c standalone -f\n", strings.Join(paths, " "))
	for _, c := range l {
		at := quote("__standalone_at " + `"` + strings.Join(c.path, " ") + `"`)
		for _, x := range c.words {
			about := strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(x.about)
			if name, ok := strings.CutPrefix(x.text, "-"); ok {
				fmt.Fprintf(w, "complete -c standalone -n %s -o %s -d '%s'", at, name, about)
				if slices.Contains(strings.Split(fileOptions, "|"), x.text) {
					fmt.Fprint(w, " -rF")
				}
				fmt.Fprintln(w)
				continue
			}
			fmt.Fprintf(w, "complete -c standalone -n %s -a %s -d '%s'\n", at, x.text, about)
		}
	}
}
