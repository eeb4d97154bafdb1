# syntax=docker/dockerfile:1
# Portcullis with the pinned Envoy, on nothing but the libraries that both load: no
# shell, no package manager. Nobody has built it yet: see docs/kubernetes.md.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY authz-server authz-server
COPY control-plane control-plane
COPY crates crates
COPY proto proto
COPY examples/demo examples/demo
COPY tests tests
RUN cargo build --release --locked --bin portcullis

FROM debian:bookworm-slim AS root
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libgcc-s1 python3 python3-pip
WORKDIR /src
# The version and the hashes stand in requirements.txt; nothing else is let in. In
# production, copy the binary of the Envoy project's own image: envoy/README.md.
COPY envoy envoy
RUN envoy/install.sh
COPY --from=build /src/target/release/portcullis /out/usr/local/bin/portcullis
RUN install -m 0755 .cache/envoy/*/envoy /out/usr/local/bin/envoy \
 && for file in /out/usr/local/bin/*; do ldd "$file"; done \
  | grep -o '/[^ ]*\.so[^ ]*' | sort -u \
  | while read -r library; do install -D "$library" "/out$library"; done \
 && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt \
 && echo 'nonroot:x:65532:65532:nonroot:/nonexistent:/nonexistent' >/out/etc/passwd \
 && echo 'nonroot:x:65532:' >/out/etc/group \
 && echo 'hosts: files dns' >/out/etc/nsswitch.conf \
 && install -d -m 1777 /out/tmp \
 && install -d -m 0700 -o 65532 -g 65532 /out/var/lib/portcullis

FROM scratch
COPY --from=root /out /
ENV PATH=/usr/local/bin
USER 65532:65532
ENTRYPOINT ["portcullis"]
CMD ["--help"]
