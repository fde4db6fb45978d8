# syntax=docker/dockerfile:1
# Three stages: what is built with the development dependencies, what is needed to run, and the image with those two and nothing else.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
# `prepare` builds dist, the console in it.
RUN npm ci

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No scripts: `prepare` needs what is left away here, and the binaries of better-sqlite3 come in its package.
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4001 DATA_DIR=/data SHUTDOWN_DELAY_MS=5000
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE README.md ./
COPY schema ./schema
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4001
# Alive, not ready: an instance that waits for a store must not be killed for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is the process that gets SIGTERM.
# With less room for young objects, rows of a copy that are on their way count as old ones, and memory grows with the table.
CMD ["node", "--max-semi-space-size=32", "dist/main.js"]
