# One image with the four programs; the command chooses: evmesh, evmesh-coordinator, evmesh-worker,
# evmesh-state. It builds with BuildKit and with builders that have neither cache mounts nor a
# network of their own, if the base images bring what they would fetch.
ARG RUST_IMAGE=rust:1.95-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /src
# A C compiler and protoc, as far as the base image lacks them.
COPY Cargo.toml ./
COPY scripts/setup.sh scripts/
RUN scripts/setup.sh build
COPY . .
# The repository stays outside; reports name the commit given here.
ARG COMMIT=
# Function names stay in backtraces; line tables would triple the image.
ENV CARGO_PROFILE_RELEASE_STRIP=debuginfo
RUN ${COMMIT:+env BUILT_FROM_COMMIT=$COMMIT} cargo build --release --locked \
      -p evmesh -p coordinator -p worker -p state-service \
 && mkdir /programs \
 && cd target/release \
 && cp evmesh evmesh-coordinator evmesh-worker evmesh-state /programs/

# Needs of the base image are a C library of Debian bookworm or later, and nothing else: no shell,
# no package of its own.
FROM ${RUN_IMAGE}
COPY --from=build /programs/ /usr/local/bin/
ARG COMMIT=
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="evmesh" \
      org.opencontainers.image.description="Executes Ethereum blocks on a cluster, byte for byte as serial revm does" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# A number, because Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
WORKDIR /
# gRPC and HTTP of coordinator, worker and state shard.
EXPOSE 7410 7420 7411 7421 7412 7422
CMD ["evmesh", "--help"]
