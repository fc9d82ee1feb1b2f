#!/bin/sh
# Prepares a namespace for entraflow: makes it if need be, sets how long histories are kept, and registers the search
# attributes. Running it again changes nothing.
#
#   TEMPORAL_ADDRESS      host:port of the server
#   TEMPORAL_NAMESPACE    default "default"
#   ENTRAFLOW_RETENTION   how long the histories of closed workflows are kept, in whole days; default 90d. People's
#                         histories are what an administrator looks into; the command's own default is three days
#   TEMPORAL_CLI          the temporal command; default temporal
set -eu
: "${TEMPORAL_ADDRESS:?}"
TEMPORAL_NAMESPACE=${TEMPORAL_NAMESPACE:-default}
export TEMPORAL_ADDRESS TEMPORAL_NAMESPACE
temporal=${TEMPORAL_CLI:-temporal}
retention=${ENTRAFLOW_RETENTION:-90d}
attempts=60

# A server that has just started, and one that has just learnt of a namespace, refuses for some seconds.
persist() {
	n=1
	until said=$("$@" 2>&1); do
		if [ "$n" -ge "$attempts" ]; then
			echo "given up after $attempts attempts: $*" >&2
			echo "$said" >&2
			exit 1
		fi
		n=$((n + 1))
		sleep 1
	done
	[ -z "$said" ] || echo "$said"
}

namespace() {
	if "$temporal" operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
		"$temporal" operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$retention" >/dev/null
	else
		"$temporal" operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$retention" \
			--description "entraflow" >/dev/null
	fi
}

persist "$temporal" operator cluster health
persist namespace
persist "$temporal" operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
	--name EntraflowConnection --type Keyword \
	--name EntraflowRule --type Keyword \
	--name EntraflowAction --type Keyword \
	--name EntraflowOutcome --type Keyword
echo "namespace $TEMPORAL_NAMESPACE is ready; histories are kept for $retention"
