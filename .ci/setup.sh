#!/usr/bin/env bash
# Make .venv hold what pyproject.toml asks for, at the versions of constraints.txt, and see that the system
# libraries Qt needs are there. Does nothing, in a moment, where all of that is so already.
#
#   .ci/setup.sh [--screen] [EXTRA...]
#
# --screen also asks for the libraries of a real display (X11, Wayland); without it the app runs offscreen.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin" # ldconfig is not on every user's path

oldest=11 newest=13 # Python 3.11 to 3.13
screen=no
if [ "${1:-}" = --screen ]; then
    screen=yes
    shift
fi
wanted="$*"

say() { printf '%s\n' "$@" >&2; }
stop() {
    say "$@"
    exit 1
}

# Install Debian packages where this user may, else print the line that does it and stop.
install_packages() {
    local reason="$1" sudo=() line
    shift
    line="    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            stop "$reason Run this line, then make again:" "$line"
        fi
        sudo=(sudo -n)
    fi
    say "$reason Installing: $*"
    ${sudo[@]+"${sudo[@]}"} apt-get update -qq </dev/null >&2 || say "apt-get update failed: trying with the lists that are here."
    ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2 ||
        stop "Installing failed (the reason is above). Run this line, then make again:" "$line"
}

# library file | Debian package, as Qt's offscreen platform needs them, then what a screen adds
offscreen_libraries="
libEGL.so.1|libegl1
libGL.so.1|libgl1
libxkbcommon.so.0|libxkbcommon0
libfontconfig.so.1|libfontconfig1
libglib-2.0.so.0|libglib2.0-0
libdbus-1.so.3|libdbus-1-3"
screen_libraries="
libxcb-cursor.so.0|libxcb-cursor0
libxkbcommon-x11.so.0|libxkbcommon-x11-0
libxcb-icccm.so.4|libxcb-icccm4
libxcb-keysyms.so.1|libxcb-keysyms1
libxcb-shape.so.0|libxcb-shape0
libwayland-cursor.so.0|libwayland-cursor0"

check_libraries() {
    [ "$(uname -s)" = Linux ] && command -v ldconfig >/dev/null || return 0
    local known wanted_libraries="$offscreen_libraries" files=() packages=() line
    known="$(ldconfig -p)"
    [ "$screen" = no ] || wanted_libraries="$wanted_libraries$screen_libraries"
    for line in $wanted_libraries; do
        case "$known" in
        *"	${line%|*} "*) ;; # ldconfig prints a tab, the name, a space
        *) files+=("${line%|*}") packages+=("${line#*|}") ;;
        esac
    done
    [ "${#files[@]}" -gt 0 ] || return 0
    if command -v apt-get >/dev/null; then
        install_packages "System libraries are missing (${files[*]})." "${packages[@]}"
    else
        say "Warning: the window may not open, since these system libraries are missing: ${files[*]}." \
            "Your distribution's package manager has them."
    fi
}

# A command that exists may still not run (a version manager's shim), so each one is tried.
minor_version() { "$1" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)' 2>/dev/null; }

find_python() {
    local name minor
    for name in python3 python3.13 python3.12 python3.11; do
        command -v "$name" >/dev/null || continue
        minor="$(minor_version "$name")" || continue
        if [ "$minor" -ge "$oldest" ] && [ "$minor" -le "$newest" ]; then
            python="$name"
            return 0
        fi
    done
    return 1
}

make_venv() {
    local python="" package
    if ! find_python; then
        if command -v apt-get >/dev/null && ! command -v python3 >/dev/null; then
            install_packages "Python is missing." python3-venv
        fi
        find_python || stop "Loopscope needs Python 3.$oldest to 3.$newest, and none was found as python3," \
            "python3.13, python3.12 or python3.11. Install one of them, then make again."
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="$python-venv" # python3-venv, python3.12-venv, ...
        if command -v apt-get >/dev/null; then
            install_packages "Python's venv module is missing." "$package"
        else
            stop "$python has no venv module. Install it with your package manager, then make again."
        fi
    fi
    say "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

install_requirements() {
    local stamp=.venv/loopscope-stamp sum line extra had="" missing=no
    sum="$(cat pyproject.toml constraints.txt | cksum | tr ' ' '-')"
    if [ -f "$stamp" ]; then
        read -r line had <"$stamp" || true
        had="${had:+ $had}"
        [ "$line" = "$sum" ] || missing=yes
    else
        missing=yes
    fi
    for extra in $wanted; do
        case " $had " in *" $extra "*) ;; *) missing=yes had="$had $extra" ;; esac
    done
    [ "$missing" = yes ] || return 0

    say "Installing into .venv: loopscope${had:+ with}$had (the first time takes some minutes)"
    # shellcheck disable=SC2086  # the extras are words
    .venv/bin/python .ci/requirements.py $had >.venv/requirements.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
        -c constraints.txt -r .venv/requirements.txt </dev/null ||
        stop "pip could not install what Loopscope needs (the reason is above). Mend it, then make again."
    printf '%s%s\n' "$sum" "$had" >"$stamp"
}

check_libraries
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    make_venv
fi
install_requirements
