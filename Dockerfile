# One image for every process: the command says which. The one-machine stack is not in it.
# Raise the patch release as it comes: it carries Python's and Debian's security fixes.
ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS build
# The version that scripts/bootstrap installs.
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
WORKDIR /app
# What rarely changes comes first, so that a change of ours does not install the world anew.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --extra otel --no-install-project --compile-bytecode
COPY domain domain
COPY wording wording
COPY workflows workflows
COPY activities activities
COPY db db
COPY api api
COPY workers workers
COPY sandbox sandbox
RUN uv sync --frozen --no-dev --extra otel --no-editable --compile-bytecode

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="Cauce" org.opencontainers.image.licenses="Apache-2.0"
# Nothing is installed into a running container, so what installs is not in it.
RUN useradd --system --uid 10001 --no-create-home oms \
    && pip uninstall --yes --root-user-action=ignore setuptools wheel pip
COPY --from=build /app/.venv /app/.venv
# Nothing is written but /tmp: the root may be read-only. Give every start a /tmp of its own.
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    OMS_API_HOST=0.0.0.0 OMS_READY_FILE=/tmp/ready
WORKDIR /tmp
USER 10001
EXPOSE 7080
# Every long-running process makes this file when it is ready, and takes it back when it drains.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["test", "-f", "/tmp/ready"]
CMD ["oms", "api"]
