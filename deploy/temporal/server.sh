#!/bin/sh
# Starts Temporal's server with config/server.yaml beside this script.
#
#   SQL_HOST, SQL_PORT, SQL_USER   where PostgreSQL is
#   SQL_PASSWORD_FILE              file with the user's password
#   TEMPORAL_BIND_IP               address to listen on; default all
#   TEMPORAL_BROADCAST_ADDRESS     address by which the services find each other; default that of the host's name
#   TEMPORAL_SERVER                the server; default temporal-server
set -eu
: "${SQL_HOST:?}" "${SQL_PORT:?}" "${SQL_USER:?}" "${SQL_PASSWORD_FILE:?}"
SQL_PASSWORD=$(cat "$SQL_PASSWORD_FILE")
TEMPORAL_BIND_IP=${TEMPORAL_BIND_IP:-0.0.0.0}
if [ -z "${TEMPORAL_BROADCAST_ADDRESS:-}" ]; then
	TEMPORAL_BROADCAST_ADDRESS=$(getent hosts "$(hostname)" | awk '{ print $1; exit }')
fi
export SQL_HOST SQL_PORT SQL_USER SQL_PASSWORD TEMPORAL_BIND_IP TEMPORAL_BROADCAST_ADDRESS

# Nobody is authenticated, and that is meant: the port must be reachable by those only who may do everything.
exec "${TEMPORAL_SERVER:-temporal-server}" --root "$(dirname "$0")" --config config --env server --allow-no-auth start
