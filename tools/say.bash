# How the scripts of tools/ stop: one clear line with the remedy, exit 2. Sourced, not run.

stop() {
    printf 'repit: %s\n' "$*" >&2
    exit 2
}
