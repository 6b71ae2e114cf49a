# Starts a throw-away PostgreSQL in the folder $1 with the server programs in $2, as the user $3 (empty: as we are).
# Says "ready" or "failed"; when its standard input ends, however that came about, it takes everything away again.
folder=$1 programs=$2 user=$3

# Whoever started us may be interrupted, or gone before we are ready; we are ended by the end of the input alone.
trap '' HUP INT TERM PIPE

as_user() {
    if [ -z "$user" ]; then
        "$@"
    elif command -v setpriv >/dev/null 2>&1; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
    else
        runuser -u "$user" -- "$@"
    fi
}

start() {
    if [ -n "$user" ]; then chown "$user" "$folder" || return 1; fi
    as_user "$programs/initdb" -D "$folder/data" -U frontdesk -A trust --locale=C -E UTF8 --no-sync || return 1
    # The socket is the only way in. What is written need not survive this process.
    as_user "$programs/pg_ctl" start -w -t 60 -D "$folder/data" -l "$folder/data/server.log" -o "-k '$folder' \
        -c listen_addresses='' -c unix_socket_permissions=0777 -c max_connections=250 -c shared_buffers=64MB \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off" || return 1
    # Whoever asks may run as somebody else.
    chmod 0711 "$folder"
}

if start >"$folder/start.log" 2>&1; then echo ready; else echo failed; fi
while read -r _; do :; done
as_user "$programs/pg_ctl" stop -m immediate -D "$folder/data" >/dev/null 2>&1
rm -rf "$folder"
