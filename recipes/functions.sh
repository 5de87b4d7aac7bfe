# What the scripts among the recipes share. They set `here`, the folder of the recipes, first.

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}

# The command: $GRADUS, or the one that was built here, or that of the PATH.
find_gradus() {
  local built=$here/../build/release/gradus
  if [[ -n ${GRADUS:-} ]]; then
    command -v "$GRADUS" || fail "GRADUS=$GRADUS: there is no such command"
  elif [[ -x $built ]]; then
    readlink -f "$built"
  else
    command -v gradus || fail "there is no gradus: build it (./quickstart), or give its path as GRADUS=…"
  fi
}

# The number behind a key of JSON that holds it once: number KEY FILE.
number() { grep -o "\"$1\": *[-+0-9.eE]*" "$2" | head -n 1 | sed 's/.*: *//'; }
