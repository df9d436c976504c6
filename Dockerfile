# What is slow to make and seldom changes comes first: a change of FlowJoy's own code reinstalls nothing.
FROM python:3.13-slim@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS base
# The image comes without bytecode of the standard library: compiling it anew costs each run most of a second.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x site-packages /usr/local/lib/python3.13

FROM base AS packages
COPY requirements.txt /build/requirements.txt
# Packages by hash only, as wheels only: nothing of a stranger's runs while the image is made.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary=:all: \
      -r /build/requirements.txt \
 && find /venv -type d \( -name tests -o -name test \) -path "*site-packages*" -prune -exec rm -rf {} + \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib
# The font cache is made once, here, not in each run.
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
# -I: nothing in the workspace, which the repository controls, is ever imported. -u: a killed run has said what it knew.
# An absolute path and no shell: dash would drop variables with a hyphen in their name, which is every input.
ENTRYPOINT ["/venv/bin/python", "-I", "-u", "/app/entrypoint.py"]
