# A gate in front of a small upstream, for the scripts beside this one: sourced by them, never run by itself.
#
# The program is the first argument of the script. Everything is in a folder of its own and on free loopback ports, and goes
# with the script. Each check prints one line; the first wrong one ends the script.

set -euo pipefail

program=$(realpath "${1:?usage: $0 PROGRAM}")
here=$(dirname "$(realpath "$0")")
folder=$(mktemp -d)
pids=()
checks=0

clean_up() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

wrong() {
    printf 'WRONG %s\n' "$1"
    [ ! -s "$folder/gate.log" ] || tail -n 5 "$folder/gate.log"
    exit 1
}

# check NAME EXPECTED FOUND
check() {
    [ "$2" = "$3" ] || wrong "$1: expected \`$2\`, found \`$3\`"
    checks=$((checks + 1))
    printf 'ok    %s\n' "$1"
}

# wait_for WHAT COMMAND...: until the command holds, for at most ten seconds.
wait_for() {
    local what=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || wrong "never happened: $what"
        sleep 0.05
    done
}

# authority NAME: an authority of its own, in NAME.pem and NAME.key.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$folder/$1.key" -out "$folder/$1.pem" 2>/dev/null
}

# certificate NAME AUTHORITY SUBJECT_ALT_NAME OPTION...: one of that authority, in NAME.pem and NAME.key.
certificate() {
    local name=$1 authority=$2 names=$3
    shift 3
    openssl req -new "$@" -nodes -subj "/CN=$name" -keyout "$folder/$name.key" -out "$folder/$name.csr" 2>/dev/null
    openssl x509 -req -in "$folder/$name.csr" -CA "$folder/$authority.pem" -CAkey "$folder/$authority.key" -days 2 \
        -set_serial "0x$(openssl rand -hex 8)" -extfile <(echo "subjectAltName=$names") -out "$folder/$name.pem" 2>/dev/null
}

elliptic=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
rsa=(-newkey rsa:2048)

# start_gate LISTENER...: the addresses of the listeners go to the array `addresses`, in their order. Each is at an address of its
# own, 127.0.0.1 and so on, because one cannot ask for a free port of one address twice. A script may have a `contract` of its own, and
# lines of its own for the configuration (`settings`) and for the API (`api_settings`).
start_gate() {
    local listeners='' number=0 listener
    python3 "$here/upstream.py" >"$folder/upstream.port" &
    pids+=($!)
    wait_for "the upstream listens" test -s "$folder/upstream.port"
    for listener in "$@"; do
        number=$((number + 1))
        listeners+="  - {address: '127.0.0.$number:0', $listener}"$'\n'
    done
    cat >"$folder/gate.yaml" <<YAML
listen:
$listeners
arrival_limit: {requests: 1000000, per: 1s}
connection: {connections_per_address_max: 400}
${settings:-}
apis:
  - name: api
    contract: api.yaml
    upstream: http://127.0.0.1:$(cat "$folder/upstream.port")
    hosts: [127.0.0.1, 127.0.0.2, 127.0.0.3, a.example, b.example]
    policy: {rate_limits: [{name: address, requests: 1000000, per: 1s}]}
${api_settings:-}
YAML
    cp "${contract:-$here/api.yaml}" "$folder/api.yaml"
    (cd "$folder" && exec "$program" serve -c gate.yaml) 2>"$folder/gate.log" >/dev/null &
    pids+=($!)
    wait_for "the gate listens" is_listening $#
    mapfile -t addresses < <(listening)
}

listening() {
    sed --quiet '/"message":"listening"/s/.*"address":"\([^"]*\)".*/\1/p' "$folder/gate.log"
}

is_listening() {
    [ "$(listening | wc -l)" -ge "$1" ]
}
