#!/bin/sh
# Makes .env, the secrets that docker-compose.yaml asks for. Keeps one that is there: a new Fernet key could not read
# what the old one wrote.
set -eu
cd "$(dirname "$0")/.."

if [ -f .env ]; then
    echo ".env is there already and is kept."
    exit 0
fi

random() {
    head -c 32 /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_'
}

umask 077
cat >.env.new <<END
# Secrets of docker-compose.yaml on this machine. Never commit this file.
AIRFLOW_FERNET_KEY=$(random)
AIRFLOW_JWT_SECRET=$(random)
AIRFLOW_API_SECRET_KEY=$(random)
AIRFLOW_ADMIN_PASSWORD=$(random)
POSTGRES_PASSWORD=$(random)
COMMENTS_AUTHORS_KEY=$(random)
COMMENTS_AUTHORS_KEY=$(random)
END
mv .env.new .env
echo "Made .env with new secrets. Start with: docker compose up --build --wait"
