#!/bin/sh
# Makes Temporal's two databases in PostgreSQL and brings their schemas to the version of the tool. Running it again changes
# nothing; running it with a newer tool is the first step of an upgrade, before the newer server starts.
#
#   SQL_HOST, SQL_PORT, SQL_USER   where PostgreSQL is, and a user that may create databases
#   SQL_PASSWORD_FILE              file with the user's password
#   TEMPORAL_SQL_TOOL              the tool; default temporal-sql-tool
set -eu
: "${SQL_HOST:?}" "${SQL_PORT:?}" "${SQL_USER:?}" "${SQL_PASSWORD_FILE:?}"
tool=${TEMPORAL_SQL_TOOL:-temporal-sql-tool}
SQL_PASSWORD=$(cat "$SQL_PASSWORD_FILE")
SQL_PLUGIN=postgres12
export SQL_HOST SQL_PORT SQL_USER SQL_PASSWORD SQL_PLUGIN

# The tool carries the schemas in itself.
prepare() {
	"$tool" --db "$1" create-database
	"$tool" --db "$1" setup-schema --version 0.0
	"$tool" --db "$1" update-schema --schema-name "postgresql/v12/$2"
}

prepare temporal temporal
prepare temporal_visibility visibility
