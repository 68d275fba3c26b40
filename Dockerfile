# Every program of Hearthgate in one image; docker-compose.yml says which one runs where.
FROM python:3.12.11-slim-bookworm AS build
# The package is built with the tools as they are locked; none of them reaches the image below.
COPY requirements-dev.lock /build/
RUN pip install --no-cache-dir --require-hashes --requirement /build/requirements-dev.lock
COPY . /build/
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel /build

FROM python:3.12.11-slim-bookworm
COPY requirements.lock /wheel/
RUN pip install --no-cache-dir --require-hashes --requirement /wheel/requirements.lock
COPY --from=build /wheel /wheel
RUN pip install --no-cache-dir --no-deps /wheel/*.whl

# A new volume takes its owner from the folder it is laid over.
# The number is that by which the broker's image, which has no such user, runs in the same folder.
RUN useradd --system --uid 1400 hearthgate \
    && install -d -o hearthgate -m 0700 /var/lib/hearthgate /var/lib/hearthgate-cloud /var/lib/hearthgate-broker \
        /run/hearthgate
USER hearthgate
