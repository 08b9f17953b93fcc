#compdef loa
# zsh completion for loa: the program itself knows what may follow.
_loa() {
  local line
  local -a found
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      _files
    elif [[ -n $line ]]; then
      line=${line//:/\\:}
      found+=("${line/$'\t'/:}")
    fi
  done
  (( $#found )) && _describe loa found
}
if [[ $funcstack[1] == _loa ]]; then
  _loa "$@"
elif (( $+functions[compdef] )); then
  compdef _loa loa
fi
