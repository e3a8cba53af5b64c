#!/usr/bin/env bash
# The entry of the interop suite: installs the third-party clients into a cache, then runs the scenarios against a broker.
#   interop/run.sh                   build and start Odradek on a free port, run every client against it
#   interop/run.sh --install-only    only install; prints NODE_MODULES=<dir> and JARS=<dir>
#   interop/run.sh --kafka           run the same checks against Apache Kafka 4.3.1 (started from the same jars)
#   interop/run.sh --only a,b        only these clients;   --scenario a,b: only these scenarios
#   BOOTSTRAP=host:port interop/run.sh   run against a broker that is already there (no restarts then)
# With CI=true nothing may be skipped. What the machine lacks is installed by apt when CI=true and root.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/odradek-interop
ci=${CI:-}
say() { printf 'interop: %s\n' "$*" >&2; }
# Of stdin, the same on every system that has Node.
key() { node -p 'crypto.createHash("sha256").update(fs.readFileSync(0)).digest("hex").slice(0, 16)'; }
is_ci() { [ "$ci" = true ] || [ "$ci" = 1 ]; }

# What native builds and the JVM need, as Debian names it, each with a probe that says whether it is there.
missing_packages() {
  command -v kcat >/dev/null || echo kcat
  { command -v g++ && command -v make; } >/dev/null || echo g++ make
  command -v python3 >/dev/null || echo python3
  command -v javac >/dev/null || echo openjdk-17-jdk-headless
  command -v mvn >/dev/null || echo maven
  local header package
  while read -r header package; do
    printf '#include <%s>\n' "$header" | cc -E -xc - >/dev/null 2>&1 || echo "$package"
  done <<'LIST'
openssl/ssl.h libssl-dev
sasl/sasl.h libsasl2-dev
curl/curl.h libcurl4-openssl-dev
zlib.h zlib1g-dev
zstd.h libzstd-dev
LIST
}

install_packages() {
  local missing
  missing=$(missing_packages | tr '\n' ' ')
  [ -z "${missing// /}" ] && return 0
  if ! is_ci; then
    say "not on this machine: $missing(clients that need them are skipped)"
  elif [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "CI=true but these packages are missing and may not be installed (not root, or no apt-get): $missing"
    return 1
  else
    say "apt-get install $missing"
    # shellcheck disable=SC2086
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing; } \
      >"$cache/apt.log" 2>&1 || { tail -5 "$cache/apt.log" >&2; say "apt-get could not install: $missing"; return 1; }
  fi
}

# Headers of the running Node lie beside it, but for some packagings; then node-gyp looks for them on its own.
node_prefix=$(node -p 'path.dirname(path.dirname(fs.realpathSync(process.execPath)))')
[ -f "$node_prefix/include/node/node.h" ] && export npm_config_nodedir=$node_prefix

modules_key=$(cat "$here/package-lock.json" <(node -p 'process.version + process.platform + process.arch') | key)
jars_key=$(key < "$here/java/pom.xml")
modules=$cache/$modules_key
jars=$cache/jars-$jars_key
programs=("$here/java/Agent.java" "$here/java/Transactions.java" "$here/java/WordCount.java" "$here/directories/Probe.java" "$here/assignors/Assignors.java")
classes=$jars/classes-$(cat "${programs[@]}" | key)

# npm ci without scripts, then each native addon on its own, so that one that does not build costs only its client.
install_modules() {
  if [ ! -f "$modules/.installed" ]; then
    say "npm ci into $modules"
    rm -rf "$modules"
    mkdir -p "$modules"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$modules/"
    (cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund >"$modules/npm-ci.log" 2>&1) ||
      { tail -20 "$modules/npm-ci.log" >&2; say 'npm ci failed'; return 1; }
    touch "$modules/.installed"
  fi
  build_addon node-rdkafka &
  local first=$!
  build_addon @confluentinc/kafka-javascript &
  wait $!
  wait "$first"
}

# One make job each: the addons' own rules do not bear more (librdkafka's config.h is named by no rule). Two builds fill two cores.
# A failed build leaves its log and no marker: the client is skipped, and the next run tries again.
build_addon() {
  local name=$1 mark log
  mark=$modules/.built-${name//\//-}
  log=$modules/build-${name//\//-}.log
  [ -f "$mark" ] && return 0
  command -v g++ >/dev/null && command -v make >/dev/null && command -v python3 >/dev/null || return 0
  say "building $name from source (minutes; log: $log)"
  if (cd "$modules" && env -u MAKEFLAGS -u JOBS CKJS_LINKING=dynamic BUILD_LIBRDKAFKA=1 \
    npm_config_build_from_source=true npm rebuild \
    --foreground-scripts "$name" >"$log" 2>&1 </dev/null) &&
    (cd "$modules" && node -e 'require(process.argv[1])' "$name" >>"$log" 2>&1); then
    # Sources and objects are most of a gigabyte; what is used is in build/.
    rm -rf "$modules/node_modules/$name/deps/librdkafka" "$modules/node_modules/$name/build/Release/obj.target"
    touch "$mark"
    say "built $name"
  else
    say "building $name failed; last lines of $log:"
    tail -5 "$log" >&2
  fi
}

# Kafka's jars from Maven Central, and our Java programs compiled against them.
install_java() {
  command -v javac >/dev/null || return 0
  if [ ! -f "$jars/.installed" ]; then
    command -v mvn >/dev/null || return 0
    say "fetching Kafka's jars into $jars"
    rm -rf "$jars"
    mkdir -p "$jars"
    mvn -q -B -f "$here/java/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars" >"$jars/mvn.log" 2>&1 ||
      { tail -5 "$jars/mvn.log" >&2; say 'fetching the jars failed'; return 0; }
    touch "$jars/.installed"
  fi
  if [ ! -f "$classes/.compiled" ]; then
    # Those of other checkouts may be in use.
    find "$jars" -maxdepth 1 -name 'classes-*' -mtime +1 -exec rm -rf {} +
    mkdir -p "$classes"
    if javac -nowarn -d "$classes" -cp "$jars/*" "${programs[@]}" >"$jars/javac.log" 2>&1; then
      touch "$classes/.compiled"
    else
      tail -5 "$jars/javac.log" >&2
      say 'compiling the Java programs failed'
    fi
  fi
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
if command -v flock >/dev/null; then flock 9; fi
install_packages || true # what is missing then shows as a failed client
install_java &
java_job=$!
install_modules
wait "$java_job"
touch "$modules" "$jars"
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +30 -exec rm -rf {} +
exec 9>&-

if [ "${1:-}" = --install-only ]; then
  printf 'NODE_MODULES=%s\nJARS=%s\n' "$modules/node_modules" "$jars"
  exit 0
fi

if [ ! -x "$root/node_modules/.bin/tsx" ]; then
  say 'the checkout has no node_modules: run npm ci first'
  exit 1
fi
if [[ " $* " == *' --kafka '* ]] && [ ! -f "$jars/.installed" ]; then
  say 'Apache Kafka needs JDK 17 and Maven'
  exit 1
fi
if [ -z "${BOOTSTRAP:-}" ] && [[ " $* " != *' --kafka '* ]]; then
  (cd "$root" && npm run --silent build) >&2
fi
export INTEROP_MODULES=$modules INTEROP_JARS=$jars INTEROP_CLASSES=$classes
exec "$root/node_modules/.bin/tsx" "$here/main.ts" "$@"
