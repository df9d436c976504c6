# Slow, rarely changing layers come first, so that a change of FlowJoy's code does not reinstall packages.
FROM python:3.13-slim@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS base
# The base image lacks the bytecode of the standard library; compiling it in every run takes almost a second.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x site-packages /usr/local/lib/python3.13

FROM base AS packages
COPY requirements.txt /build/requirements.txt
# Wheels only, pinned by hash: no package runs code during the build.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary=:all: \
      -r /build/requirements.txt \
 && find /venv -type d \( -name tests -o -name test \) -path "*site-packages*" -prune -exec rm -rf {} +
WORKDIR /venv/lib/python3.13/site-packages
# Only what a run needs (docs/performance.md): no C sources and type stubs. fontTools works without its compiled modules and
# Pillow without AVIF. Python compiles modules without bytecode when something imports them.
RUN find . -type f \( -name "*.c" -o -name "*.h" -o -name "*.pxd" -o -name "*.pyi" \) -delete \
 && find fontTools -name "*.so" -delete \
 && rm -f pillow.libs/libavif-* PIL/_avif.* \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -x "/(fontTools/(?!misc/)[a-zA-Z0-9]+|mlflow/(assistant|server))/" /venv/lib
# Build the font cache once instead of in every run.
ENV MPLCONFIGDIR=/opt/matplotlib
RUN mkdir -p "$MPLCONFIGDIR" \
 && /venv/bin/python -c "from matplotlib.figure import Figure; import io; f = Figure(); f.text(.5, .5, 'x'); f.savefig(io.BytesIO())"

FROM base AS code
COPY flowjoy /code/flowjoy
RUN python -m compileall -q --invalidation-mode unchecked-hash -s /code -p /venv/lib/python3.13/site-packages /code

FROM base
LABEL org.opencontainers.image.title="FlowJoy" \
      org.opencontainers.image.description="One supply chain for code and models, and the 48-hour promise as a check" \
      org.opencontainers.image.licenses="MIT"
COPY --from=packages /opt/matplotlib /opt/matplotlib
COPY --from=packages /venv /venv
COPY --from=code /code /venv/lib/python3.13/site-packages
COPY entrypoint.py /app/entrypoint.py

ENV MPLCONFIGDIR=/opt/matplotlib \
    MLFLOW_DISABLE_TELEMETRY=true \
    DO_NOT_TRACK=true

# No USER: the runner needs root to reach the workspace and its command files.
# -I: never import from the workspace, which the repository controls. -u: the log of a killed run is complete.
# An absolute path and no shell: dash drops variables with a hyphen in their name, which includes most inputs.
ENTRYPOINT ["/venv/bin/python", "-I", "-u", "/app/entrypoint.py"]
