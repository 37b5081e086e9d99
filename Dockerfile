# The image of the in-pod agent, for those who have a container engine; release/agent-image builds the same without one.
#   docker build -t netcheck/agent .
FROM rust:1.95-bookworm AS build
WORKDIR /netcheck
COPY . .
ENV RUSTFLAGS="-C target-feature=+crt-static -C force-unwind-tables=no -C link-arg=-Wl,-z,pack-relative-relocs"
RUN cargo build --locked --profile agent --no-default-features --features agent --bin netcheck-agent \
    --target x86_64-unknown-linux-gnu

FROM scratch
COPY --from=build /netcheck/target/x86_64-unknown-linux-gnu/agent/netcheck-agent /netcheck-agent
USER 65532:65532
ENTRYPOINT ["/netcheck-agent"]
