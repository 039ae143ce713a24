#!/bin/sh
# Run once by the PostgreSQL image, in an empty data folder: makes the role that workers, console and
# dispatcher use. `breachdesk store migrate --grant breachdesk` gives it its rights; it can never
# rewrite the audit chain.
set -eu
export STORE_PASSWORD_FILE="${STORE_PASSWORD_FILE:-/run/secrets/store_password}"
[ -s "$STORE_PASSWORD_FILE" ]
# psql reads the password by itself: arguments are seen by everyone on the machine.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\set password `cat "$STORE_PASSWORD_FILE"`
SET password_encryption = 'scram-sha-256';
CREATE ROLE breachdesk LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SQL
