#!/bin/sh
# One case at a counter, from login to outcome, with curl: counter.sh http://127.0.0.1:8471 token.txt W01 007 P-2026-77
set -eu
base="$1/api/v1/windows/$3"
call() { # method, path, body
  curl -fsS -X "$1" "$base$2" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' ${3:+-d "$3"}
}
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
token=$(cat "$2")

call POST /login "{\"number\":\"$4\"}" >/dev/null
answer=$(call POST /invites "{\"id\":\"$5-1\",\"project_no\":\"$5\",\"service_no\":1}")
invite=$(echo "$answer" | field invite)
state=$(echo "$answer" | field state)
while [ "$state" = pending ] || [ "$state" = open ]; do
  sleep 1
  state=$(call GET "/invites/$invite" | field state)
done
echo "$state"
