#!/bin/sh
# measure.sh bans through the link of compose.yaml and prints how long each ban took
# until the edge had confirmed it, then cuts the link for 2 s and prints how long after
# its end a ban was confirmed that was accepted meanwhile.
#
# NOT RUN HERE: see compose.yaml. It needs docker with compose, and curl.
set -eu
cd "$(dirname "$0")"
control=http://127.0.0.1:4000

post() { curl -sSf -H 'Content-Type: application/json' -d "$2" "$control$1"; }
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }
now() { date +%s%3N; }
ban() { post /v1/bans "{\"ip\":\"198.51.100.$1\",\"reason\":\"measure\"}" | field position; }
confirm() { post "/v1/positions/$1:wait" '{"quorum":"all","timeout":"60s"}' | field quorum_reached; } # false where no edge is known
link() { docker compose exec -T edge tc qdisc change dev "$1" root netem delay "${DELAY:-0ms}" "${JITTER:-0ms}" ${RATE:+rate "$RATE"} "$2" "$3"; }

docker compose up --build --detach
trap 'docker compose down' EXIT
until [ "$(confirm 0 2>/dev/null)" = true ]; do sleep 1; done

for n in $(seq 20); do
	begun=$(now)
	echo "confirmed: $(confirm "$(ban "$n")"), after $(($(now) - begun)) ms"
done

for n in 101 102 103; do
	link eth0 loss 100%
	link ifb0 loss 100%
	position=$(ban "$n")
	sleep 2
	link eth0 loss 0%
	link ifb0 loss 0%
	up=$(now)
	echo "after a cut: confirmed: $(confirm "$position"), $(($(now) - up)) ms after its end"
done
