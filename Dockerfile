# Stage 1: build. Dependencies are compiled before the source comes in, so that a change of ours rebuilds only ours.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
    && mkdir -p tests/suite && touch tests/suite/main.rs \
    && cargo build --release --locked --bin frontdesk \
    && rm -rf src tests
COPY . .
RUN touch src/main.rs src/lib.rs && cargo build --release --locked --bin frontdesk

# Stage 2: run. Nothing but the program, certificates to trust, and a place for what it keeps.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home frontdesk
COPY --from=build /build/target/release/frontdesk /usr/local/bin/frontdesk
USER frontdesk
WORKDIR /data
VOLUME /data
ENV FRONTDESK__HTTP__BIND=0.0.0.0:8080 \
    FRONTDESK__DATABASE__URL=sqlite:///data/frontdesk.db \
    FRONTDESK__BLOBS__FOLDER=/data/blobs \
    FRONTDESK__LOG__FORMAT=json
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["curl", "-fsS", "http://127.0.0.1:8080/health/live"]
ENTRYPOINT ["frontdesk"]
CMD ["serve"]
