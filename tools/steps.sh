# Sourced by the scripts beside it, from the root of the checkout.
# Gives the number of jobs, and `step NAME COMMAND...`: runs a command, says how long it took, ends the script if it fails.

export LC_ALL=C.UTF-8
jobs=${HASHGATE_JOBS:-$(nproc)}

# ccache keeps its files in the home folder. A service account or a bare root may have none that can be written.
if [ -z "${CCACHE_DIR:-}" ] && { [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; }; then
  export CCACHE_DIR="$PWD/build/ccache"
fi

# The decoder's workers and the sanitizers look at themselves in /proc. Every running Debian has it; a root that is only
# entered with chroot may lack it.
if [ ! -e /proc/self ] && ! mount -t proc proc /proc 2>/dev/null; then
  echo "$0: there is no /proc here and it cannot be mounted: run 'mount -t proc proc /proc' as root first" >&2
  exit 1
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
