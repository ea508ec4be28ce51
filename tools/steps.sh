# Sourced by the scripts beside it, from the root of the checkout.
# The number of jobs, and `step NAME COMMAND...`: runs a command, says how long it took, ends the script if it fails.

export LC_ALL=C.UTF-8
jobs=${HASHGATE_JOBS:-$(nproc)}

# ccache keeps its files in the home folder. A service account or a bare root may have none that can be written.
if [ -z "${CCACHE_DIR:-}" ] && { [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; }; then
  export CCACHE_DIR="$PWD/build/ccache"
fi

step() {
  local name=$1 started=$SECONDS code=0
  shift
  echo "== $name"
  "$@" || code=$?
  if [ $code -ne 0 ]; then
    echo "== $name: FAILED after $((SECONDS - started)) s (exit $code)" >&2
    exit $code
  fi
  echo "== $name: $((SECONDS - started)) s"
}
