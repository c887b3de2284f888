#!/usr/bin/env bash
# Installs the release READBACK_VERSION of readback, whose checksum must be the
# one of that release, and runs it with the arguments in READBACK_ARGS, one a line.
# It also runs in the bash 3.2 of macOS. The exit status is that of readback.
set -euo pipefail

fail() {
	printf 'readback: %s\n' "$*" >&2
	exit 2
}

# It becomes part of a URL and of a path.
version=${READBACK_VERSION:?says which release to install}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "READBACK_VERSION is no version such as v0.1.0"

program=readback
case ${RUNNER_OS:-} in
Linux) system=linux ;;
macOS) system=darwin ;;
Windows) system=windows program=readback.exe ;;
*) fail "there is no release for the system ${RUNNER_OS:-that RUNNER_OS does not name}" ;;
esac
case ${RUNNER_ARCH:-} in
X64) machine=amd64 ;;
ARM64) machine=arm64 ;;
*) fail "there is no release for the processor ${RUNNER_ARCH:-that RUNNER_ARCH does not name}" ;;
esac

archive=readback-$version-$system-$machine.tar.gz
releases=${READBACK_RELEASES:-${GITHUB_SERVER_URL:-https://github.com}/readback-go/readback/releases/download}
folder=${RUNNER_TEMP:?is where readback is installed}/readback-$version
mkdir -p "$folder"
cd "$folder"
fetch() { curl --fail --silent --show-error --location --retry 3 --output "$1" "$releases/$version/$1"; }
fetch checksums.txt
fetch "$archive"

want=$(awk -v name="$archive" '$2 == name { print $1 }' checksums.txt)
if command -v sha256sum >/dev/null; then
	got=$(sha256sum <"$archive")
else
	got=$(shasum -a 256 <"$archive")
fi
[ -n "$want" ] || fail "checksums.txt does not name $archive"
[ "${got%% *}" = "$want" ] || fail "the checksum of $archive is ${got%% *}, not $want"

tar -xzf "$archive"
printf '%s\n' "$folder" >>"${GITHUB_PATH:?is where the folder is added}"
cd "${GITHUB_WORKSPACE:-$OLDPWD}"

args=()
while IFS= read -r line || [ -n "$line" ]; do
	[ -z "$line" ] || args+=("$line")
done <<<"${READBACK_ARGS-}"
[ ${#args[@]} -eq 0 ] || exec "$folder/$program" "${args[@]}"
