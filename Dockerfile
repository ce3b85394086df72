# Three stages: the production dependencies, the demo upstream that compose starts beside the gateway, and the
# gateway itself. The base image must carry Node >= 26.12.1 in production (docs/operating.md says why).
ARG NODE_IMAGE=node:26-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY src/engine/link-packages.mjs src/engine/tap-domains.mjs src/engine/
# With what links packages into one file each (ADR 0113), which then goes.
RUN npm ci && npm prune --omit=dev --omit=optional
# What the image is made of, for scanners: CycloneDX, from the lock file: read from node_modules, each development dependency would be missing.
RUN npm sbom --package-lock-only --sbom-format=cyclonedx --sbom-type=application --omit=dev --omit=optional > sbom.cdx.json

# A real git repository over smart HTTP: what the gateway of docker/compose.yaml stands in front of.
FROM ${NODE_IMAGE} AS demo-upstream
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner node --group node /data
WORKDIR /app
COPY package.json ./
COPY src src
USER 1000:1000
VOLUME /data
EXPOSE 8081
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8081/').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/demo/upstream.ts", "--directory", "/data", "--port", "8081"]

FROM ${NODE_IMAGE} AS gateway
RUN install --directory --owner node --group node --mode 0700 /data \
 && ln -s /app/src/altgate.js /usr/local/bin/altgate
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=dependencies /app/sbom.cdx.json ./
COPY package.json LICENSE ./
COPY config config
COPY src src
# Compiled once, by running for a moment: every start after it is quicker and every process smaller. What comes of it
# belongs to root like the code that it is made of.
RUN install --directory --owner node --group node node_modules/.cache/altgate
USER 1000:1000
RUN --mount=type=bind,source=docker/compile.mjs,target=/app/docker/compile.mjs set -e; \
    export NODE_COMPILE_CACHE=/app/node_modules/.cache/altgate; \
    NODE_OPTIONS=--import=/app/docker/compile.mjs ALTGATE__STORE__URL=sqlite:/tmp/compiling/altgate.db altgate serve & \
    timeout 120 sh -c 'until node -e "fetch(\"http://127.0.0.1:9180/ready\").then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; do sleep 1; done'; \
    kill $!; \
    wait $!; \
    rm -r /tmp/compiling
USER root
RUN chown --recursive root:root node_modules/.cache
# The embedded store on a volume, so that the root file system can be read-only; the operations port is for
# the container's network, never published.
# And SIGUSR1 opens no debugger.
ENV NODE_OPTIONS=--disable-sigusr1 \
    ALTGATE__STORE__URL=sqlite:/data/altgate.db \
    ALTGATE__OPERATIONS__HOST=0.0.0.0
USER 1000:1000
VOLUME /data
EXPOSE 8080 9180
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ALTGATE__OPERATIONS__PORT ?? 9180}/ready`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["altgate"]
CMD ["serve"]
