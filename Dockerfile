# docker build -t deepecg .
# The same two stages without Docker: packaging/image_without_docker.sh
FROM debian:bookworm-slim AS build
COPY . /src
RUN bash /src/packaging/image_build.sh /src

FROM debian:bookworm-slim
COPY --from=build /src/build/release/package /tmp/package
COPY inputs /app/inputs
COPY ecg_signals /app/ecg_signals
COPY run_pipeline.bash packaging/app/heartwise.config /app/
RUN bash /tmp/package/image_install.sh
USER deepecg
WORKDIR /app
# Stays up, so that one can exec a shell in it; `docker run ... deepecg deepecg --mode full_run` runs once and ends.
CMD ["sleep", "infinity"]
