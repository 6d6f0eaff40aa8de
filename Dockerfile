# Both stages are Debian 12: the binary needs the C library it was built with, and `rustc-web`,
# the compiler for plugins where rustup cannot download, is in Debian 12's archive.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo xtask build && \
    mkdir -p /out/plugins && \
    cp target/release/tidegate /out/ && \
    cp target/release/plugins/*.wasm target/release/plugins/*.toml /out/plugins/

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --home-dir /var/lib/tidegate --create-home tidegate
COPY --from=build /out /opt/tidegate
RUN ln -s /opt/tidegate/tidegate /usr/local/bin/tidegate
USER tidegate
WORKDIR /var/lib/tidegate
# Admin (metrics, plugin control) asks for no token: publish 4444 only, never 9091.
ENV PORT=4444 \
    TIDEGATE_ADMIN=[::]:9091 \
    TIDEGATE_DATA=/var/lib/tidegate \
    TIDEGATE_PLUGINS=/opt/tidegate/plugins
EXPOSE 4444
# Not ready, RECONNECT, close: give it 35 s before killing it.
STOPSIGNAL SIGTERM
CMD ["tidegate", "serve"]
