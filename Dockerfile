# Every program of Hearthgate in one image; docker-compose.yml says which one runs where.
FROM python:3.12.11-slim-bookworm

COPY requirements.lock /build/
RUN pip install --no-cache-dir --require-hashes --requirement /build/requirements.lock
COPY . /build/
RUN pip install --no-cache-dir --no-deps --no-build-isolation /build

# A new volume takes its owner from the folder it is laid over.
# The number is that by which the broker's image, which has no such user, runs in the same folder.
RUN useradd --system --uid 1400 hearthgate \
    && install -d -o hearthgate -m 0700 /var/lib/hearthgate /var/lib/hearthgate-cloud /var/lib/hearthgate-broker \
        /run/hearthgate
USER hearthgate
