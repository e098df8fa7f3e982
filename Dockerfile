# Node 24 runs the TypeScript as it is: there is no build step. Pin the digest of your choice when you deploy.
FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 BELLHOP_DATA_DIR=/data BELLHOP_JOBS_DIR=/jobs BELLHOP_PLUGINS_DIR=/plugins
# git is what the shipped job repo-digest reads, python3 what the plugin link-check runs on. Bubblewrap is left out: what keeps unshare
# (util-linux, which is here) from making namespaces in an unprivileged container keeps it from that too; the container's own limits hold
# there (docs/confinement.md).
RUN apt-get update && apt-get install -y --no-install-recommends git python3 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
# The image has the right Node: the optional one is taken out. Not by --omit=optional, which would leave out the program that draws charts.
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/node node_modules/node-bin-*
COPY bin bin
COPY src src
COPY assets assets
COPY jobs /jobs
COPY plugins /plugins
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.PORT||3000)+'/readyz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# Run it with --init, so that children of jobs are reaped.
CMD ["node", "bin/bellhop.js", "start"]
