#!/usr/bin/env bash
# The entry of the benchmark: brings what it needs (compilers, librdkafka, Java, Kafka's jars, kfake), then measures. See README.md.
#   bench/run.sh [flags of main.ts]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/odradek-bench
say() { printf 'bench: %s\n' "$*" >&2; }

[ "$(uname -s)" = Linux ] || { say 'CPU and memory are read from /proc: Linux only'; exit 1; }
[ -x "$root/node_modules/.bin/tsx" ] || { say 'npm ci comes first'; exit 1; }

# Commands that need none of the tools below.
case "${1:-}" in
  --page | --guard | --scale | --long-run) exec "$root/node_modules/.bin/tsx" "$here/alone.ts" "$@" ;;
esac

# As Debian names them, each with a probe that says whether it is there. Without Go one peer less is measured.
missing_packages() {
  command -v cc >/dev/null && printf '#include <stdio.h>\n' | cc -E -xc - >/dev/null 2>&1 || echo gcc libc6-dev
  command -v cc >/dev/null && printf '#include <librdkafka/rdkafka.h>\n' | cc -E -xc - >/dev/null 2>&1 || echo librdkafka-dev
  command -v java >/dev/null || echo openjdk-17-jre-headless
  command -v go >/dev/null || [ "$(id -u)" != 0 ] || echo golang-go
  command -v mvn >/dev/null || [ -f "$jars/.complete" ] || echo maven
}

jars=$cache/kafka-$(sha256sum < "$here/pom.xml" | cut -c1-16)
missing=$(missing_packages | tr '\n' ' ')
if [ -n "${missing// /}" ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "these packages are missing, and only root may install them: $missing"
    exit 1
  fi
  say "apt-get install $missing"
  # shellcheck disable=SC2086
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing; } >&2
fi

mkdir -p "$cache"
(
  flock 9
  if [ ! -f "$jars/.complete" ]; then
    say "fetching Kafka's jars into $jars"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars" >&2
    touch "$jars/.complete"
  fi
) 9> "$cache/.lock"

# bench/.cache, not the user's: the null server loads its checksum library from our node_modules.
load=$here/.cache/load
appends=$here/.cache/appends
mkdir -p "$here/.cache"
if [ ! "$load" -nt "$here/load.c" ] || [ ! "$load" -nt "$here/load-common.h" ]; then cc -O2 -Wall -Wextra -pthread -o "$load" "$here/load.c" -lrdkafka; fi
if [ ! "$appends" -nt "$here/appends.c" ]; then cc -O2 -Wall -Wextra -o "$appends" "$here/appends.c"; fi
"$root/node_modules/.bin/esbuild" "$here/null-server.ts" --bundle --platform=node --format=esm --target=node20 \
  --log-level=warning --outfile="$here/.cache/null-server.js"

# Debian's Go may be older than kfake asks for.
kfake=$here/.cache/kfake
if ! (cd "$here/peers/kfake" && GOFLAGS=-mod=readonly go build -o "$kfake" .) >&2; then
  say 'the peer kfake is left out: it could not be built: its go.mod says which Go it asks for'
  kfake=
fi

BENCH_LOAD=$load BENCH_APPENDS=$appends BENCH_JARS=$jars BENCH_KFAKE=$kfake BENCH_NULL_SERVER=$here/.cache/null-server.js \
  exec "$root/node_modules/.bin/tsx" "$here/main.ts" "$@"
