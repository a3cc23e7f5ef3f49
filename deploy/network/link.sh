#!/bin/sh
# link.sh COMMAND... makes the container's network a slow one, then runs the command.
# Half of the round trip is spent on the way out and half on the way in; for the latter
# what arrives takes a detour over ifb0. The container needs NET_ADMIN, and the host the
# kernel modules sch_netem, sch_ingress, act_mirred, cls_matchall and ifb.
#
#   DELAY   delay each way, as in "40ms"; 0ms by default
#   JITTER  how much it varies up and down; 0ms by default
#   RATE    bandwidth each way, as in "1mbit"; as much as there is if empty
set -eu

netem="delay ${DELAY:-0ms} ${JITTER:-0ms} ${RATE:+rate $RATE}"
ip link add ifb0 type ifb
ip link set ifb0 up
tc qdisc add dev eth0 handle ffff: ingress
tc filter add dev eth0 parent ffff: matchall action mirred egress redirect dev ifb0
# shellcheck disable=SC2086 # the words are apart on purpose
tc qdisc add dev eth0 root netem $netem
# shellcheck disable=SC2086
tc qdisc add dev ifb0 root netem $netem
exec "$@"
