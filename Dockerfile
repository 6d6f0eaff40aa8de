# Both stages are Debian 12: the binary needs the C library it was built with, and `rustc-web`,
# the compiler for plugins where rustup cannot download, is in Debian 12's security archive (1.96; the
# main one's 1.85 is too old).
FROM docker.io/library/rust:1.95-bookworm AS build
# `--build-arg TIDEGATE_WASM=debian` goes that way at once, without waiting for rustup to give up.
ARG TIDEGATE_WASM
# librdkafka is C and C++, and links OpenSSL.
RUN apt-get update && \
    apt-get install -y --no-install-recommends g++ gcc libssl-dev make pkg-config && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Backtraces of errors name lines by its debug info, which is two thirds of the program: compressed.
# A second build compiles only what changed: what cargo keeps outlives the layer.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo xtask build && \
    mkdir -p /out/plugins && \
    objcopy --compress-debug-sections=zlib target/release/tidegate /out/tidegate && \
    cp target/release/plugins/*.wasm target/release/plugins/*.toml /out/plugins/ && \
    cp -r target/release/pages /out/

FROM docker.io/library/debian:bookworm-slim
# OpenSSL for Kafka over TLS; the broker does not start without it.
RUN apt-get update && \
    apt-get install -y --no-install-recommends libssl3 && \
    rm -rf /var/lib/apt/lists/*
# It has a number, so that a platform that refuses root can see that it is another.
RUN useradd --uid 10001 --user-group --no-log-init \
        --home-dir /var/lib/tidegate --create-home --shell /usr/sbin/nologin tidegate
# For `rediss://`, JWKS and Sentry; from the first stage, which has them.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out /opt/tidegate
RUN ln -s /opt/tidegate/tidegate /usr/local/bin/tidegate
USER 10001:10001
WORKDIR /var/lib/tidegate
# Admin (metrics, plugin control) asks for no token: publish 4444 only, never 9091.
ENV PORT=4444 \
    TIDEGATE_ADMIN=[::]:9091 \
    TIDEGATE_DATA=/var/lib/tidegate \
    TIDEGATE_PLUGINS=/opt/tidegate/plugins
EXPOSE 4444
# Alive, not ready: an engine that replaces what is unhealthy must not drop all clients when Redis
# is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# Not ready, RECONNECT, close: give it 35 s before killing it.
STOPSIGNAL SIGTERM
CMD ["tidegate", "serve"]
